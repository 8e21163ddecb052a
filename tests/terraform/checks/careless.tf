# What our checks are for, one resource each: tests/terraform/test_checkov.py sees each found.
resource "google_bigquery_table" "careless" {
  dataset_id               = "audit"
  table_id                 = "careless"
  require_partition_filter = false
  schema                   = jsonencode([{ name = "a", type = "STRING" }])

  time_partitioning {
    type = "DAY"
  }
}

resource "google_bigquery_dataset" "careless" {
  dataset_id = "careless"
}

resource "google_pubsub_topic" "careless" {
  name = "careless"
}

resource "google_pubsub_subscription" "careless" {
  name  = "careless"
  topic = google_pubsub_topic.careless.id
}

resource "google_kms_crypto_key" "careless" {
  name     = "careless"
  key_ring = "projects/p/locations/l/keyRings/r"
}
