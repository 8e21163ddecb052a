# Rights on the topics, the subscriptions and the bucket themselves; none on the project. Each is
# authoritative: whoever else was given the role there loses it with the next apply.
# The warehouse module lets the Pub/Sub agent write the safety net's table.

locals {
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_binding" "publishes" {
  project = var.project_id
  topic   = google_pubsub_topic.audit_events.name
  role    = "roles/pubsub.publisher"
  members = values(var.publishers)
}

# The pipeline sets aside what it refuses. Pub/Sub forwards what it cannot deliver by publishing it
# there and acknowledging it here.
resource "google_pubsub_topic_iam_binding" "sets_aside" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  members = concat(values(var.subscribers), [local.pubsub_agent])
}

resource "google_pubsub_subscription_iam_binding" "subscribes" {
  project      = var.project_id
  subscription = google_pubsub_subscription.pipeline.name
  role         = "roles/pubsub.subscriber"
  members      = concat(values(var.subscribers), [local.pubsub_agent])
}

# Dataflow looks at the subscription before it reads it (pubsub.subscriptions.get).
resource "google_pubsub_subscription_iam_binding" "looks" {
  project      = var.project_id
  subscription = google_pubsub_subscription.pipeline.name
  role         = "roles/pubsub.viewer"
  members      = values(var.subscribers)
}

# Loads dead letters anew once their cause is gone (docs/runbook.md, dead-letters).
resource "google_pubsub_subscription_iam_binding" "takes_up_again" {
  project      = var.project_id
  subscription = google_pubsub_subscription.dead_letters.name
  role         = "roles/pubsub.subscriber"
  members      = values(var.subscribers)
}

# Pub/Sub looks at the bucket and adds objects; it can read and delete none.
resource "google_storage_bucket_iam_member" "archives" {
  for_each = toset(["roles/storage.legacyBucketReader", "roles/storage.objectCreator"])

  bucket = google_storage_bucket.archive.name
  role   = each.value
  member = local.pubsub_agent
}
