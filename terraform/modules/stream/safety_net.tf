# A second way into BigQuery that shares no code with the pipeline: what the pipeline has not
# loaded can be counted against it, and loaded from it.

resource "google_pubsub_subscription" "safety_net" {
  count = var.safety_net_table == null ? 0 : 1

  project                    = var.project_id
  name                       = "${var.name}-audit-events-safety-net"
  topic                      = google_pubsub_topic.audit_events.id
  ack_deadline_seconds       = 600
  message_retention_duration = local.message_retention
  filter                     = local.without_keys
  labels                     = var.labels

  bigquery_config {
    table          = var.safety_net_table
    write_metadata = true
  }

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  lifecycle {
    prevent_destroy = true
  }
}
