# Topics and the pipeline's way in. The archive is in archive.tf, the safety net in safety_net.tf.

locals {
  # 7 days, for topics and subscriptions. More would be easy to have and wrong: a message that
  # carries a content key could bring the key back for as long as it can be replayed, and an
  # erasure would be final that much later (docs/retention.md).
  message_retention = "604800s"

  # Erasure is final because no lasting copy of a key exists: whatever keeps messages for longer
  # than the pipeline needs takes none of kind "key".
  without_keys = "attributes.kind != \"key\""
}

resource "google_pubsub_schema" "audit_events" {
  project    = var.project_id
  name       = "${var.name}-audit-events"
  type       = "PROTOCOL_BUFFER"
  definition = file("${path.module}/../../../schemas/generated/pubsub/audit_events.proto")
}

resource "google_pubsub_topic" "audit_events" {
  project                    = var.project_id
  name                       = "${var.name}-audit-events"
  kms_key_name               = var.kms_key_id
  message_retention_duration = local.message_retention
  labels                     = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = var.enforce_in_transit
  }

  dynamic "schema_settings" {
    for_each = var.enforce_schema ? [google_pubsub_schema.audit_events.id] : []

    content {
      schema   = schema_settings.value
      encoding = "JSON"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# What the pipeline refuses goes here whole, and what Pub/Sub could not deliver to it. No schema:
# a dead letter is what did not fit.
resource "google_pubsub_topic" "dead_letters" {
  project                    = var.project_id
  name                       = "${var.name}-audit-dead-letters"
  kms_key_name               = var.kms_key_id
  message_retention_duration = local.message_retention
  labels                     = var.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = var.enforce_in_transit
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_pubsub_subscription" "pipeline" {
  project                    = var.project_id
  name                       = "${var.name}-audit-events-pipeline"
  topic                      = google_pubsub_topic.audit_events.id
  ack_deadline_seconds       = 600
  message_retention_duration = local.message_retention
  labels                     = var.labels

  # The ordering key is the writer: its chain is followed without a sort. Exactly-once delivery
  # stays off: the views make it exactly once, and Dataflow removes duplicates of its own.
  enable_message_ordering = true

  # Empty: never. A subscription that nobody reads for 31 days would be deleted with its messages.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters.id
    max_delivery_attempts = var.max_delivery_attempts
  }

  # Some changes replace a subscription, and what it holds unacknowledged would be gone with it.
  lifecycle {
    prevent_destroy = true
  }

  # Without the right to publish there, Pub/Sub would count attempts and forward nothing.
  depends_on = [google_pubsub_topic_iam_binding.sets_aside]
}

# A topic without a subscription keeps nothing for a reader.
resource "google_pubsub_subscription" "dead_letters" {
  project                    = var.project_id
  name                       = "${var.name}-audit-dead-letters"
  topic                      = google_pubsub_topic.dead_letters.id
  ack_deadline_seconds       = 600
  message_retention_duration = local.message_retention
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }

  lifecycle {
    prevent_destroy = true
  }
}
