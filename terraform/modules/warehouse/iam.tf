locals {
  # Roles that see one department's rows: one group for each, or all would see all.
  departmental = toset(flatten([
    for policy in local.access.row_policies : policy.roles if contains(policy.for_each, "department")
  ]))

  # What variable `readers` takes; the others have variables of their own.
  reader_roles = sort(setsubtract(keys(local.access.roles), setunion(local.departmental, ["loader", "keeper"])))

  # Role of the contract -> who has it here: one group or service account, or one per department.
  holders = merge(
    { for role in keys(local.access.roles) : role => {} },
    { for role, member in var.readers : role => { (role) = member } },
    { for role in local.departmental : role => { for department, member in var.departments : "${role} ${department}" => member } },
    { loader = { loader = var.loader_member }, keeper = { keeper = var.keeper_member } },
  )

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
    for dataset in setunion(local.datasets, local.authorized_datasets) : dataset => flatten([
      for role, granted in local.dataset_roles : [
        for member in values(local.holders[role]) : {
          role  = lookup(local.legacy_roles, granted[dataset], lookup(var.custom_role_ids, granted[dataset], granted[dataset]))
          kind  = local.access.roles[role].member
          email = split(":", member)[1]
        }
      ] if contains(keys(granted), dataset)
    ])
  }

  # Whoever reads a table, by its dataset or by itself, reads the rows of it that a hold kept.
  held_roles = flatten([
    for held, source in local.held : [
      for role, grants in local.access.roles : {
        table = held
        role  = role
        grant = try(grants.table_roles[source], grants.dataset_roles[local.tables[source].dataset])
      } if try(grants.table_roles[source], grants.dataset_roles[local.tables[source].dataset], "") == "roles/bigquery.dataViewer"
    ]
  ])

  table_roles = concat(local.held_roles, flatten([
    for role, grants in local.access.roles : [
      for table, grant in grants.table_roles : { table = table, role = role, grant = grant }
    ]
  ]))
}

resource "google_bigquery_table_iam_member" "tables" {
  for_each = merge([
    for granted in local.table_roles : {
      for name, member in local.holders[granted.role] : "${granted.table} ${name}" => merge(granted, { member = member })
    }
  ]...)

  project    = var.project_id
  dataset_id = local.all_datasets[split(".", each.value.table)[0]].dataset_id
  table_id   = split(".", each.value.table)[1]
  role       = each.value.grant
  member     = each.value.member

  depends_on = [google_bigquery_table.tables, google_bigquery_table.views]
}

# To run a query at all; what it may read is said above and by the tags.
resource "google_project_iam_member" "jobs" {
  for_each = merge(flatten([
    for role, grants in local.access.roles : [
      for grant in grants.project_roles : {
        for name, member in local.holders[role] : "${name} ${grant}" => { role = grant, member = member }
      }
    ]
  ])...)

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}
