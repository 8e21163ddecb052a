output "access_level_name" {
  description = "Access level of the company's addresses."
  value       = google_access_context_manager_access_level.company.name
}

output "perimeter_name" {
  description = "Full name of the perimeter."
  value       = google_access_context_manager_service_perimeter.this.name
}

output "restricted_services" {
  description = "Services behind the wall."
  value       = local.restricted_services
}
