# The copy that nobody can change: every message but keys, by Pub/Sub itself, no code of ours.

resource "google_storage_bucket" "archive" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-archive"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = var.labels

  # Object versions and a retention policy exclude each other; the policy is the stronger.
  retention_policy {
    retention_period = var.archive.retention_days * 86400
    is_locked        = var.archive.locked
  }

  # Texts are sealed under each person's own key, so that this key need never go for an erasure:
  # a key version that encrypts a locked object cannot be destroyed before its retention ends.
  encryption {
    default_kms_key_name = var.archive_kms_key_id
  }

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # Read on an incident or by an outside auditor, if ever.
  lifecycle_rule {
    action {
      type          = "SetStorageClass"
      storage_class = "ARCHIVE"
    }

    condition {
      age = 30
    }
  }

  # Kept for as long as the retention says and no longer (GDPR art. 5(1)(e)).
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age = var.archive.retention_days
    }
  }
}

resource "google_pubsub_subscription" "archive" {
  project                    = var.project_id
  name                       = "${var.name}-audit-events-archive"
  topic                      = google_pubsub_topic.audit_events.id
  ack_deadline_seconds       = 600
  message_retention_duration = local.message_retention
  filter                     = local.without_keys
  labels                     = var.labels

  cloud_storage_config {
    bucket                   = google_storage_bucket.archive.name
    filename_prefix          = "audit-events/"
    filename_suffix          = ".avro"
    filename_datetime_format = "YYYY/MM/DD/hh_mm_ssZ"
    max_duration             = "300s"
    max_bytes                = 104857600

    # With metadata: message id, publish time, attributes and ordering key beside the exact bytes.
    avro_config {
      write_metadata = true
    }
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

  # Pub/Sub tries the bucket when the subscription is made.
  depends_on = [google_storage_bucket_iam_member.archives]
}
