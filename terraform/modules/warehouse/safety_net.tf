# A second way into the warehouse, with no code of ours in it: Pub/Sub writes each message here as
# it came (the subscription is in module stream), so that what the pipeline lost can be counted.
# The columns are Pub/Sub's. Source: Pub/Sub, "BigQuery subscriptions", write metadata.
locals {
  safety_net = {
    dataset = "raw"
    table   = "messages_v1"
    # Long enough to find a loss and to redrive; short, because it holds a second copy of every
    # text, which a policy may have stored in clear.
    days = 31
  }

  safety_net_columns = [
    { name = "subscription_name", type = "STRING", mode = "NULLABLE", description = "subscription that wrote the row" },
    { name = "message_id", type = "STRING", mode = "NULLABLE", description = "Pub/Sub message id, as in audit.dead_letters" },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE", description = "when Pub/Sub took the message, UTC" },
    {
      name        = "data", type = "BYTES", mode = "NULLABLE",
      description = "the message: a record, its hash and sealed texts",
      policyTags  = { names = [google_data_catalog_policy_tag.classes["content"].name] }
    },
    { name = "attributes", type = "STRING", mode = "NULLABLE", description = "writer_id and kind, JSON" },
  ]
}

resource "google_bigquery_table" "safety_net" {
  project     = var.project_id
  dataset_id  = google_bigquery_dataset.datasets[local.safety_net.dataset].dataset_id
  table_id    = local.safety_net.table
  description = "One row per message and delivery, as Pub/Sub had it. Kept ${local.safety_net.days} days."
  labels      = merge(var.labels, { retention_class = "raw" })
  schema      = jsonencode(local.safety_net_columns)

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = local.safety_net.days * local.day_ms
  }
  require_partition_filter = true
  clustering               = ["message_id"]

  encryption_configuration {
    kms_key_name = var.kms_key_ids[local.guards[local.safety_net.dataset].key]
  }
  deletion_protection = var.deletion_protection
}

# The same narrow role as the loader's: know the columns and append.
resource "google_bigquery_table_iam_member" "safety_net" {
  project    = var.project_id
  dataset_id = google_bigquery_table.safety_net.dataset_id
  table_id   = google_bigquery_table.safety_net.table_id
  role       = var.custom_role_ids[one(distinct(values(local.access.roles.loader.dataset_roles)))]
  member     = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}
