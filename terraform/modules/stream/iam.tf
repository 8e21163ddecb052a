# Rights on the topic, the subscriptions and the bucket themselves; none on the project.
# The warehouse module lets the Pub/Sub agent write the safety net's table.

locals {
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishers

  project = var.project_id
  topic   = google_pubsub_topic.audit_events.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

resource "google_pubsub_subscription_iam_member" "subscribes" {
  for_each = var.subscribers

  project      = var.project_id
  subscription = google_pubsub_subscription.pipeline.name
  role         = "roles/pubsub.subscriber"
  member       = each.value
}

# Dataflow looks at the subscription before it reads it (pubsub.subscriptions.get).
resource "google_pubsub_subscription_iam_member" "looks" {
  for_each = var.subscribers

  project      = var.project_id
  subscription = google_pubsub_subscription.pipeline.name
  role         = "roles/pubsub.viewer"
  member       = each.value
}

resource "google_pubsub_topic_iam_member" "sets_aside" {
  for_each = var.subscribers

  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = each.value
}

# Pub/Sub forwards an undeliverable message by publishing it there and acknowledging it here.
resource "google_pubsub_topic_iam_member" "forwards_dead_letters" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letters.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "forwards_dead_letters" {
  project      = var.project_id
  subscription = google_pubsub_subscription.pipeline.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Pub/Sub looks at the bucket and adds objects; it can read and delete none.
resource "google_storage_bucket_iam_member" "archives" {
  for_each = toset(["roles/storage.legacyBucketReader", "roles/storage.objectCreator"])

  bucket = google_storage_bucket.archive.name
  role   = each.value
  member = local.pubsub_agent
}

# Loads dead letters anew once their cause is gone (docs/runbook.md, dead-letters).
resource "google_pubsub_subscription_iam_member" "takes_up_again" {
  for_each = var.subscribers

  project      = var.project_id
  subscription = google_pubsub_subscription.dead_letters.name
  role         = "roles/pubsub.subscriber"
  member       = each.value
}
