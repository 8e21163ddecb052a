resource "google_data_catalog_taxonomy" "classes" {
  project                = var.project_id
  region                 = local.location
  display_name           = local.access.taxonomy.display_name
  description            = "Classes of the audit trail's columns; docs/access.md says who reads which."
  activated_policy_types = local.access.taxonomy.activated_policy_types

  # With the taxonomy every tag goes, and with the tags whatever kept a column shut.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_data_catalog_policy_tag" "classes" {
  for_each = local.access.taxonomy.policy_tags

  taxonomy     = google_data_catalog_taxonomy.classes.id
  display_name = each.key
  description  = each.value.description

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_bigquery_datapolicy_data_policy" "masks" {
  for_each = local.access.data_policies

  project          = var.project_id
  location         = local.location
  data_policy_id   = each.key
  policy_tag       = google_data_catalog_policy_tag.classes[each.value.policy_tag].name
  data_policy_type = "DATA_MASKING_POLICY"

  data_masking_policy {
    predefined_expression = each.value.predefined_expression
  }
}

resource "google_data_catalog_policy_tag_iam_member" "clear" {
  for_each = merge(flatten([
    for class, roles in local.access.fine_grained_readers : [
      for role in roles : {
        for name, member in local.holders[role] : "${class} ${name}" => { class = class, member = member }
      }
    ]
  ])...)

  policy_tag = google_data_catalog_policy_tag.classes[each.value.class].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  member     = each.value.member
}

resource "google_bigquery_datapolicy_data_policy_iam_member" "masked" {
  for_each = merge(flatten([
    for mask, policy in local.access.data_policies : [
      for role in policy.masked_readers : {
        for name, member in local.holders[role] : "${mask} ${name}" => { mask = mask, member = member }
      }
    ]
  ])...)

  project        = var.project_id
  location       = local.location
  data_policy_id = google_bigquery_datapolicy_data_policy.masks[each.value.mask].data_policy_id
  role           = "roles/bigquerydatapolicy.maskedReader"
  member         = each.value.member
}
