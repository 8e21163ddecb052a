locals {
  # A view is read in the project of whoever asks, unless it names its own.
  qualified = "`${var.project_id}.$1`"
  reference = "/`([a-z_]+\\.[a-z0-9_]+)`/"

  view_sql = {
    for path in fileset(local.contract, "views/*.sql") :
    trimsuffix(basename(path), ".sql") => file("${local.contract}/${path}")
  }

  # View -> what to create it from, and whether it reads other views: those must be there before.
  views = {
    for id, sql in local.view_sql : id => {
      query       = replace(sql, local.reference, local.qualified)
      description = trimprefix(split("\n", sql)[0], "-- ")
      reads_views = length(setintersection(toset(flatten(regexall("`([a-z_]+\\.[a-z0-9_]+)`", sql))), toset(keys(local.view_sql)))) > 0
    }
  }

  routines = {
    for path in setunion(
      fileset(local.contract, "functions/*.json"), fileset(local.contract, "procedures/*.json")
    ) :
    trimsuffix(basename(path), ".json") => jsondecode(file("${local.contract}/${path}"))
  }

  all_datasets = merge(google_bigquery_dataset.datasets, google_bigquery_dataset.authorized)
}

resource "google_bigquery_table" "views" {
  for_each = { for id, view in local.views : id => view if !view.reads_views }

  project     = var.project_id
  dataset_id  = local.all_datasets[split(".", each.key)[0]].dataset_id
  table_id    = split(".", each.key)[1]
  description = each.value.description
  labels      = var.labels

  view {
    query          = each.value.query
    use_legacy_sql = false
  }
  deletion_protection = var.deletion_protection

  depends_on = [google_bigquery_table.tables]
}

resource "google_bigquery_table" "views_of_views" {
  for_each = { for id, view in local.views : id => view if view.reads_views }

  project     = var.project_id
  dataset_id  = local.all_datasets[split(".", each.key)[0]].dataset_id
  table_id    = split(".", each.key)[1]
  description = each.value.description
  labels      = var.labels

  view {
    query          = each.value.query
    use_legacy_sql = false
  }
  deletion_protection = var.deletion_protection

  depends_on = [google_bigquery_table.views]
}

resource "google_bigquery_routine" "routines" {
  for_each = local.routines

  project         = var.project_id
  dataset_id      = local.all_datasets[each.value.dataset].dataset_id
  routine_id      = each.value.routine_id
  routine_type    = each.value.routine_type
  language        = "SQL"
  description     = each.value.description
  definition_body = replace(each.value.query, local.reference, local.qualified)

  dynamic "arguments" {
    for_each = each.value.parameters
    content {
      name      = arguments.key
      data_type = jsonencode({ typeKind = arguments.value })
    }
  }

  depends_on = [google_bigquery_table.views]
}
