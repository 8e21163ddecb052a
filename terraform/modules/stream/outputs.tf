output "archive_bucket" {
  description = "Name of the bucket that keeps every message but keys."
  value       = google_storage_bucket.archive.name
}

output "archive_subscription_name" {
  description = "Short name of the archive's subscription, for its alert."
  value       = google_pubsub_subscription.archive.name
}

output "dead_letter_subscription_id" {
  description = "Full name of the subscription that holds dead letters."
  value       = google_pubsub_subscription.dead_letters.id
}

output "dead_letter_subscription_name" {
  description = "Short name of the subscription that holds dead letters."
  value       = google_pubsub_subscription.dead_letters.name
}

output "dead_letter_topic_id" {
  description = "Full name of the topic that takes refused messages whole."
  value       = google_pubsub_topic.dead_letters.id
}

output "safety_net_subscription_name" {
  description = "Short name of the safety net's subscription, or null."
  value       = one(google_pubsub_subscription.safety_net[*].name)
}

output "schema_id" {
  description = "Full name of the Pub/Sub schema of the messages."
  value       = google_pubsub_schema.audit_events.id
}

output "subscription_id" {
  description = "Full name of the pipeline's subscription."
  value       = google_pubsub_subscription.pipeline.id

  # Whoever reads it needs the right to.
  depends_on = [google_pubsub_subscription_iam_binding.subscribes, google_pubsub_subscription_iam_binding.looks]
}

output "subscription_name" {
  description = "Short name of the pipeline's subscription, for its alerts."
  value       = google_pubsub_subscription.pipeline.name
}

output "topic_id" {
  description = "Full name of the topic of events."
  value       = google_pubsub_topic.audit_events.id
}

output "topic_name" {
  description = "Short name of the topic of events: TAILNUMBER_TOPIC of the gateway."
  value       = google_pubsub_topic.audit_events.name
}
