mock_provider "google" {
  override_during = plan

  mock_resource "google_pubsub_topic" {
    defaults = {
      id = "projects/acme-audit/topics/mocked"
    }
  }
}

variables {
  project_id         = "acme-audit"
  project_number     = "123456789012"
  region             = "europe-west1"
  kms_key_id         = "projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/stream"
  archive_kms_key_id = "projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/archive"
  safety_net_table   = "acme-audit.integrity.messages_v1"
  publishers         = { ingress = "serviceAccount:ingress@acme-audit.iam.gserviceaccount.com" }
  subscribers        = { loader = "serviceAccount:loader@acme-audit.iam.gserviceaccount.com" }
}

run "keeps_messages_in_the_region_under_the_key_for_seven_days" {
  command = plan

  assert {
    condition = alltrue([
      for topic in [google_pubsub_topic.audit_events, google_pubsub_topic.dead_letters] :
      topic.kms_key_name == var.kms_key_id
      && one(topic.message_storage_policy).allowed_persistence_regions == toset(["europe-west1"])
      && one(topic.message_storage_policy).enforce_in_transit
      && topic.message_retention_duration == "604800s"
    ])
    error_message = "A topic is not encrypted by the key, not pinned to the region, or keeps messages for another time than 7 days."
  }

  assert {
    condition = alltrue([
      for subscription in [
        google_pubsub_subscription.pipeline, google_pubsub_subscription.dead_letters,
        google_pubsub_subscription.archive, google_pubsub_subscription.safety_net[0],
      ] :
      subscription.message_retention_duration == "604800s" && one(subscription.expiration_policy).ttl == ""
    ])
    error_message = "A subscription expires, or keeps messages for another time than 7 days."
  }
}

run "delivers_in_order_and_sets_aside_what_it_cannot_deliver" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.pipeline.enable_message_ordering
    error_message = "The pipeline must get each writer's messages in order."
  }

  assert {
    condition     = one(google_pubsub_subscription.pipeline.dead_letter_policy).max_delivery_attempts == 100
    error_message = "The pipeline's subscription needs its dead letters."
  }

  assert {
    condition     = one(google_pubsub_subscription.pipeline.retry_policy).maximum_backoff == "600s"
    error_message = "Redeliveries must back off."
  }
}

run "archives_everything_but_keys_where_nobody_can_change_it" {
  command = plan

  assert {
    condition = alltrue([
      for subscription in [google_pubsub_subscription.archive, google_pubsub_subscription.safety_net[0]] :
      subscription.filter == "attributes.kind != \"key\""
    ])
    error_message = "A copy that outlives an erasure takes messages with keys."
  }

  assert {
    condition = (
      google_storage_bucket.archive.uniform_bucket_level_access
      && google_storage_bucket.archive.public_access_prevention == "enforced"
      && !google_storage_bucket.archive.force_destroy
      && one(google_storage_bucket.archive.encryption).default_kms_key_name == var.archive_kms_key_id
    )
    error_message = "The archive bucket is public, deletable or not encrypted by the key."
  }

  assert {
    condition     = one(google_storage_bucket.archive.retention_policy).retention_period == 2192 * 86400
    error_message = "The archive keeps objects for six years."
  }

  assert {
    condition     = one(one(google_pubsub_subscription.archive.cloud_storage_config).avro_config).write_metadata
    error_message = "The archive must hold message id, publish time and attributes."
  }
}

run "locks_only_when_told_to" {
  command = plan

  variables {
    archive = { locked = true }
  }

  assert {
    condition     = one(google_storage_bucket.archive.retention_policy).is_locked
    error_message = "archive.locked did not lock the bucket."
  }
}

run "gives_each_member_its_own_rights_and_no_more" {
  command = plan

  assert {
    condition     = google_pubsub_topic_iam_binding.publishes.members == toset([var.publishers.ingress])
    error_message = "Somebody else than the gateway may publish events."
  }

  assert {
    condition = alltrue([
      for members in [
        google_pubsub_topic_iam_binding.sets_aside.members, google_pubsub_subscription_iam_binding.subscribes.members,
      ] : members == toset([var.subscribers.loader, "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"])
    ])
    error_message = "The loader and Pub/Sub take messages out and set them aside, nobody else."
  }

  assert {
    condition = alltrue([
      for members in [
        google_pubsub_subscription_iam_binding.looks.members, google_pubsub_subscription_iam_binding.takes_up_again.members,
      ] : members == toset([var.subscribers.loader])
    ])
    error_message = "Dead letters are the loader's alone."
  }

  assert {
    condition = toset([for grant in google_storage_bucket_iam_member.archives : "${grant.member} ${grant.role}"]) == toset([
      for role in ["roles/storage.legacyBucketReader", "roles/storage.objectCreator"] :
      "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com ${role}"
    ])
    error_message = "Pub/Sub adds objects to the archive and does nothing else there."
  }
}

run "enforces_the_schema_only_when_told_to" {
  command = plan

  assert {
    condition     = length(google_pubsub_topic.audit_events.schema_settings) == 0 && strcontains(google_pubsub_schema.audit_events.definition, "message Message {")
    error_message = "The schema is there, and refuses nothing unless asked to."
  }
}

run "enforces_the_schema_in_json" {
  command = plan

  variables {
    enforce_schema = true
  }

  assert {
    condition     = one(google_pubsub_topic.audit_events.schema_settings).encoding == "JSON"
    error_message = "Messages are JSON."
  }
}

run "works_without_a_safety_net" {
  command = plan

  variables {
    safety_net_table = null
  }

  assert {
    condition     = length(google_pubsub_subscription.safety_net) == 0
    error_message = "There is no table to write."
  }
}

run "refuses_the_public_as_publisher" {
  command = plan

  variables {
    publishers = { anybody = "allUsers" }
  }

  expect_failures = [var.publishers]
}

run "refuses_a_person_as_subscriber" {
  command = plan

  variables {
    subscribers = { ann = "user:ann@acme.example" }
  }

  expect_failures = [var.subscribers]
}

run "refuses_an_archive_below_six_months" {
  command = plan

  variables {
    archive = { retention_days = 90 }
  }

  expect_failures = [var.archive]
}

run "refuses_too_few_attempts" {
  command = plan

  variables {
    max_delivery_attempts = 1
  }

  expect_failures = [var.max_delivery_attempts]
}

run "refuses_a_table_that_is_none" {
  command = plan

  variables {
    safety_net_table = "integrity.messages_v1"
  }

  expect_failures = [var.safety_net_table]
}
