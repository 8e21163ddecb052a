output "address" {
  description = "Internal address of the load balancer, which the company's DNS gives for the domain."
  value       = google_compute_address.gateway.address
}

output "credential_secret_ids" {
  description = "Secrets of the policy's credentials, to be filled by hand: name to full id."
  value       = { for name in local.credentials : name => google_secret_manager_secret.this["credential ${name}"].id }
}

output "database_instance" {
  description = "Name of the control database's Cloud SQL instance."
  value       = google_sql_database_instance.control.name
}

output "egress_address" {
  description = "Address that upstreams see, for their lists of allowed ones."
  value       = google_compute_address.egress.address
}

output "instance_group" {
  description = "Name of the instance group; null with variant cloud_run."
  value       = one(google_compute_region_instance_group_manager.gateway[*].name)
}

output "job_names" {
  description = "Names of the Cloud Run jobs: keeper, and migrate with variant cloud_run."
  value       = { for key, job in google_cloud_run_v2_job.this : key => job.name }
}

output "secret_ids" {
  description = "Secrets that gateways get as files: policy, issuers, control-password, control-ca to full id."
  value       = { for key in ["policy", "issuers", "control-password", "control-ca"] : key => google_secret_manager_secret.this[key].id }
}

output "url" {
  description = "URL that clients are pointed at."
  value       = "https://${var.domain}"
}
