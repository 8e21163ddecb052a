locals {
  # Every value that a policy is made once for: per tenant, per tenant and department, or once.
  row_values = {
    ""                  = [{ tenant = "", department = "" }]
    "tenant"            = [for tenant in var.tenants : { tenant = tenant, department = "" }]
    "tenant department" = [for pair in setproduct(var.tenants, keys(var.departments)) : { tenant = pair[0], department = pair[1] }]
  }

  row_policies = merge(flatten([
    for policy in local.access.row_policies : [
      for table, source in local.sources : [
        for values in local.row_values[join(" ", policy.for_each)] : {
          "${table} ${join("_", concat([policy.name], [for name in policy.for_each : replace(lower(values[name]), "/[^a-z0-9]/", "_")]))}" = {
            table  = table
            values = values
            filter = policy.filter_predicate
            grantees = flatten([
              for role in policy.roles : contains(policy.for_each, "department")
              ? [local.holders[role]["${role} ${values.department}"]]
              : values(local.holders[role])
            ])
          }
        }
      ] if contains(policy.tables, source)
    ]
  ])...)
}

# They stand on the tables, and views pass them on. Each table has the policy of TRUE, so that no
# table is ever without one: a table without row policies shows every row.
resource "google_bigquery_row_access_policy" "rows" {
  for_each = { for key, policy in local.row_policies : key => policy if length(policy.grantees) > 0 }

  project    = var.project_id
  dataset_id = google_bigquery_table.tables[each.value.table].dataset_id
  table_id   = google_bigquery_table.tables[each.value.table].table_id
  policy_id  = split(" ", each.key)[1]

  filter_predicate = replace(
    replace(each.value.filter, "$${tenant}", replace(each.value.values.tenant, "'", "\\'")),
    "$${department}", replace(each.value.values.department, "'", "\\'"),
  )
  grantees = each.value.grantees
}
