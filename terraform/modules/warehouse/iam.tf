locals {
  # Role of the contract -> the one group or service account that has it here.
  members = merge(var.readers, { loader = var.loader_member, keeper = var.keeper_member })

  # BigQuery answers with its old names for roles; others would be a change at every plan.
  legacy_roles = {
    "roles/bigquery.dataViewer" = "READER"
    "roles/bigquery.dataOwner"  = "OWNER"
  }

  # `raw` is terraform's own: its one reader counts it against the tables, its owners are the same.
  dataset_roles = {
    for role, grants in local.access.roles : role => merge(
      grants.dataset_roles,
      role == "admin" ? { raw = "roles/bigquery.dataOwner" } : {},
      role == "auditor" ? { raw = "roles/bigquery.dataViewer" } : {},
    )
  }

  dataset_grants = {
    for dataset in setunion(local.datasets, local.authorized_datasets) : dataset => [
      for role, granted in local.dataset_roles : {
        role  = lookup(local.legacy_roles, granted[dataset], lookup(var.custom_role_ids, granted[dataset], granted[dataset]))
        kind  = local.access.roles[role].member
        email = split(":", local.members[role])[1]
      } if contains(keys(granted), dataset) && contains(keys(local.members), role)
    ]
  }

  # Whoever reads a table, by its dataset or by itself, reads the rows of it that a hold kept.
  held_roles = merge(flatten([
    for held, source in local.held : [
      for role, grants in local.access.roles : {
        "${held} ${role}" = {
          table = held
          role  = role
          grant = try(grants.table_roles[source], grants.dataset_roles[local.tables[source].dataset])
        }
      } if startswith(try(grants.table_roles[source], grants.dataset_roles[local.tables[source].dataset], ""), "roles/bigquery.dataViewer")
    ]
  ])...)

  table_roles = merge(local.held_roles, flatten([
    for role, grants in local.access.roles : [
      for table, grant in grants.table_roles : { "${table} ${role}" = { table = table, role = role, grant = grant } }
    ]
  ])...)

  project_roles = merge(flatten([
    for role, grants in local.access.roles : [
      for grant in grants.project_roles : { "${role} ${grant}" = { role = role, grant = grant } }
    ]
  ])...)
}

resource "google_bigquery_table_iam_member" "tables" {
  for_each = { for key, each in local.table_roles : key => each if contains(keys(local.members), each.role) }

  project    = var.project_id
  dataset_id = local.all_datasets[split(".", each.value.table)[0]].dataset_id
  table_id   = split(".", each.value.table)[1]
  role       = each.value.grant
  member     = local.members[each.value.role]

  depends_on = [google_bigquery_table.tables, google_bigquery_table.views]
}

# To run a query at all; what it may read is said above and by the tags.
resource "google_project_iam_member" "jobs" {
  for_each = { for key, each in local.project_roles : key => each if contains(keys(local.members), each.role) }

  project = var.project_id
  role    = each.value.grant
  member  = local.members[each.value.role]
}
