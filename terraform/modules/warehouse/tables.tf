locals {
  day_ms = 24 * 60 * 60 * 1000

  # Columns as BigQuery takes them, policy tags still as placeholders: `classification` is ours.
  schemas = {
    for id, table in local.tables :
    id => replace(jsonencode(table.schema), "/\"classification\":\"[a-z_]+\",/", "")
  }

  # Table -> the table of the contract that it is, or whose held rows it keeps.
  sources = merge({ for id in keys(local.tables) : id => id }, local.held)

  expiration_ms = {
    for id, table in local.tables :
    id => lookup(var.retention_days, table.retention_class, table.retention_days) * local.day_ms
  }

  # A copy of a text is guarded as the text is.
  table_keys = {
    for id, source in local.sources :
    id => var.kms_key_ids[lookup(local.guards, local.tables[source].dataset, local.default_guard).key]
  }
}

resource "google_bigquery_table" "tables" {
  for_each = local.sources

  project    = var.project_id
  dataset_id = google_bigquery_dataset.datasets[split(".", each.key)[0]].dataset_id
  table_id   = split(".", each.key)[1]

  description = (
    each.key == each.value ? local.tables[each.value].description
    : "Rows of ${each.value} that a legal hold keeps beyond their time."
  )
  labels = merge(var.labels, {
    retention_class = each.key == each.value ? local.tables[each.value].retention_class : "hold"
  })

  schema = templatestring(local.schemas[each.value], {
    policy_tags = { for class, tag in google_data_catalog_policy_tag.classes : class => tag.name }
  })

  time_partitioning {
    type  = local.tables[each.value].time_partitioning.type
    field = local.tables[each.value].time_partitioning.field
    # What a hold keeps does not expire: `tailnumber retain` deletes it after the release.
    expiration_ms = each.key == each.value ? local.expiration_ms[each.value] : null
  }
  require_partition_filter = local.tables[each.value].require_partition_filter
  clustering               = local.tables[each.value].clustering

  encryption_configuration {
    kms_key_name = local.table_keys[each.key]
  }

  # A column that goes makes the provider replace a table with row policies, and so every table
  # here; this refuses it. `python -m schemas check` says so earlier, of the rendered files.
  deletion_protection = var.deletion_protection

  lifecycle {
    # Rendered files that somebody edited by hand would open a column without a word.
    precondition {
      condition = (
        { for column in local.tables[each.value].schema : column.name => column.classification if column.classification != "public" }
        == { for name, class in local.access.column_tags[each.value] : name => class }
      )
      error_message = "${each.value}: its columns' classes are not those of access.json; the generated files belong together, run `python -m schemas render`."
    }
    precondition {
      condition = alltrue([
        for column in local.tables[each.value].schema :
        try(one(column.policyTags.names), "") == (column.classification == "public" ? "" : "$${policy_tags.${column.classification}}")
      ])
      error_message = "${each.value}: a column lacks the policy tag of its class; run `python -m schemas render`."
    }
    precondition {
      condition = alltrue([
        for name in concat([local.tables[each.value].time_partitioning.field], local.tables[each.value].clustering) :
        contains([for column in local.tables[each.value].schema : column.name], name)
      ])
      error_message = "${each.value}: it is partitioned or clustered by a column that is gone; run `python -m schemas render`."
    }
  }
}
