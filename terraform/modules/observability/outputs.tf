output "alert_policy_ids" {
  description = "Alert policies: heading in docs/runbook.md to id."
  value       = { for key, policy in merge(google_monitoring_alert_policy.metric, google_monitoring_alert_policy.log) : key => policy.id }
}

output "dashboard_id" {
  description = "Id of the dashboard."
  value       = google_monitoring_dashboard.tailnumber.id
}
