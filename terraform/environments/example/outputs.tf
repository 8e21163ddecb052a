output "service_accounts" {
  description = "Accounts that the parts run as."
  value       = module.identity.service_accounts
}
