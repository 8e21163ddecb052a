# Who read the trail, and who changed what guards it: BigQuery's own log of these datasets, kept as
# long as events are. BigQuery always logs reads; this keeps them longer than 30 days, and where the
# auditors can ask. Rows name who asked, which table and columns, and the job; no SQL and no result.
locals {
  access_log_filter = join(" AND ", [
    format("logName=(\"projects/%[1]s/logs/cloudaudit.googleapis.com%%2Factivity\" OR \"projects/%[1]s/logs/cloudaudit.googleapis.com%%2Fdata_access\")", var.project_id),
    format(
      "((resource.type=\"bigquery_dataset\" AND resource.labels.dataset_id=(%s)) OR protoPayload.serviceName=(\"bigquerydatapolicy.googleapis.com\" OR \"datacatalog.googleapis.com\"))",
      join(" OR ", [for dataset in sort(keys(local.dataset_grants)) : "\"${dataset}\""]),
    ),
  ])

  # Of each of these services only the administrator's deeds are logged unless somebody says so.
  read_logged = toset([
    "cloudkms.googleapis.com", "pubsub.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com",
  ])
}

resource "google_bigquery_dataset" "access_log" {
  count = var.access_log ? 1 : 0

  project     = var.project_id
  dataset_id  = "access_log"
  location    = var.location
  description = "Who read or changed the trail, by Google Cloud's own audit log."
  labels      = var.labels

  # The sink makes its tables itself, partitioned by day.
  default_partition_expiration_ms = lookup(var.retention_days, "event", local.retention.event.days) * local.day_ms
  max_time_travel_hours           = local.default_guard.time_travel_hours
  delete_contents_on_destroy      = false

  default_encryption_configuration {
    kms_key_name = var.kms_key_ids[local.default_guard.key]
  }

  # Nobody but admins at first; the sink's writer is known only once the sink is there, and a sink
  # is made after its dataset, so the others are added one by one below.
  access {
    role           = "OWNER"
    group_by_email = split(":", var.readers.admin)[1]
  }
  lifecycle {
    ignore_changes = [access]
  }
}

resource "google_logging_project_sink" "access_log" {
  count = var.access_log ? 1 : 0

  project                = var.project_id
  name                   = "${var.name}-access-log"
  description            = "Reads and changes of the audit trail's datasets."
  destination            = "bigquery.googleapis.com/projects/${var.project_id}/datasets/${google_bigquery_dataset.access_log[0].dataset_id}"
  filter                 = local.access_log_filter
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }

  # Each row that the loader appends is in the trail itself; its writes would drown the reads.
  exclusions {
    name        = "appended-rows"
    description = "Appends by the Storage Write API."
    filter      = "protoPayload.methodName:\"BigQueryWrite\""
  }
}

resource "google_bigquery_dataset_access" "access_log_writer" {
  count = var.access_log ? 1 : 0

  project       = var.project_id
  dataset_id    = google_bigquery_dataset.access_log[0].dataset_id
  role          = "WRITER"
  user_by_email = trimprefix(google_logging_project_sink.access_log[0].writer_identity, "serviceAccount:")
}

resource "google_bigquery_dataset_access" "access_log_reader" {
  count = var.access_log && contains(keys(var.readers), "auditor") ? 1 : 0

  project        = var.project_id
  dataset_id     = google_bigquery_dataset.access_log[0].dataset_id
  role           = "READER"
  group_by_email = split(":", var.readers.auditor)[1]
}

# Authoritative for these services: log types that somebody else set for them in this project go.
resource "google_project_iam_audit_config" "reads" {
  for_each = local.read_logged

  project = var.project_id
  service = each.key

  audit_log_config {
    log_type = "DATA_READ"
  }
}
