# The contract: every table, view, right and time to keep rows is read from what schemas/ renders.
# Nothing of it is written a second time here; a change goes through `python -m schemas render`.
locals {
  contract = "${path.module}/../../../schemas/generated"

  access    = jsondecode(file("${local.contract}/access.json"))
  retention = jsondecode(file("${local.contract}/retention.json"))

  tables = {
    for path in fileset(local.contract, "tables/*.json") :
    trimsuffix(basename(path), ".json") => jsondecode(file("${local.contract}/${path}"))
  }

  # Each table whose rows a legal hold may copy has a twin in the dataset `hold`.
  held = { for id, table in local.tables : table.held_in => id if table.held_in != null }

  # What makes the tables of one security: which key encrypts them, and for how long BigQuery still
  # shows what was deleted (time travel). Erased texts and keys are gone after 48 hours there, the
  # least that BigQuery allows, instead of seven days (docs/retention.md).
  default_guard = { key = "audit", time_travel_hours = 168 }
  guards = {
    content = { key = "content", time_travel_hours = 48 }
    hold    = { key = "content", time_travel_hours = 48 }
    keys    = { key = "subject_keys", time_travel_hours = 48 }
    raw     = { key = "content", time_travel_hours = 48 }
  }

  descriptions = {
    audit     = "What happened: events, interactions, findings, tool calls, refusals, changes. No texts."
    content   = "The texts, sealed under one key per person and quarter."
    hold      = "Rows that a legal hold keeps beyond their time. Never expires."
    integrity = "Who wrote the trail: one row per opening and closing of a writer."
    keys      = "Content keys, wrapped by Cloud KMS: what opens texts, and what an erasure deletes."
    raw       = "Messages as Pub/Sub delivered them: what the pipeline is checked against."
    reporting = "Views of public columns for dashboards."
  }

  # Datasets whose views may read another dataset for whoever reads them.
  authorized_datasets = toset([for each in local.access.authorized_views : split(".", each.view)[0]])

  datasets = setsubtract(
    toset(concat(
      [for table in local.tables : table.dataset],
      [for id in keys(local.held) : split(".", id)[0]],
      [for id in keys(local.views) : split(".", id)[0]],
      ["raw"],
    )),
    local.authorized_datasets,
  )

  location = lower(var.location)
}

# The list of who may do what in a dataset is whole: whatever else somebody grants by hand, the
# next plan shows and takes back. Without a list BigQuery would let every reader of the project in.
resource "google_bigquery_dataset" "datasets" {
  for_each = local.datasets

  project     = var.project_id
  dataset_id  = each.key
  location    = var.location
  description = lookup(local.descriptions, each.key, null)
  labels      = var.labels

  max_time_travel_hours      = lookup(local.guards, each.key, local.default_guard).time_travel_hours
  delete_contents_on_destroy = false

  default_encryption_configuration {
    kms_key_name = var.kms_key_ids[lookup(local.guards, each.key, local.default_guard).key]
  }

  dynamic "access" {
    for_each = local.dataset_grants[each.key]
    content {
      role           = access.value.role
      group_by_email = access.value.kind == "group" ? access.value.email : null
      user_by_email  = access.value.kind == "serviceAccount" ? access.value.email : null
    }
  }

  # Authorized as a whole, not view by view: a view that is replaced would lose its right, and
  # views are made after the tables they read, which are made after this.
  dynamic "access" {
    for_each = toset([
      for view in local.access.authorized_views : split(".", view.view)[0]
      if view.source_dataset == each.key
    ])
    content {
      dataset {
        dataset {
          project_id = var.project_id
          dataset_id = google_bigquery_dataset.authorized[access.value].dataset_id
        }
        target_types = ["VIEWS"]
      }
    }
  }
}

# Apart from the others because those name it: it must be there first.
resource "google_bigquery_dataset" "authorized" {
  for_each = local.authorized_datasets

  project     = var.project_id
  dataset_id  = each.key
  location    = var.location
  description = lookup(local.descriptions, each.key, null)
  labels      = var.labels

  max_time_travel_hours      = local.default_guard.time_travel_hours
  delete_contents_on_destroy = false

  default_encryption_configuration {
    kms_key_name = var.kms_key_ids[local.default_guard.key]
  }

  dynamic "access" {
    for_each = local.dataset_grants[each.key]
    content {
      role           = access.value.role
      group_by_email = access.value.kind == "group" ? access.value.email : null
      user_by_email  = access.value.kind == "serviceAccount" ? access.value.email : null
    }
  }
}
