output "custom_role_ids" {
  description = "Custom roles of the contract: name to full id."
  value       = { for name, role in google_project_iam_custom_role.role : name => role.name }
}

output "members" {
  description = "The accounts as members of a grant: role to serviceAccount:MAIL."
  value       = { for role, account in google_service_account.role : role => account.member }
}

output "service_accounts" {
  description = "Mail addresses of the accounts: role to mail address."
  value       = { for role, account in google_service_account.role : role => account.email }
}
