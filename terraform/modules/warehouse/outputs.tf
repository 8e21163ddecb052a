output "data_policy_ids" {
  description = "Masking policies: name to full id."
  value       = { for name, policy in google_bigquery_datapolicy_data_policy.masks : name => policy.id }
}

output "dataset_ids" {
  description = "Datasets: audit, content, integrity, keys, reporting, hold, raw and, if kept here, access_log."
  value = merge(
    { for name, dataset in local.all_datasets : name => dataset.dataset_id },
    { for dataset in google_bigquery_dataset.access_log : "access_log" => dataset.dataset_id },
  )
}

output "policy_tag_ids" {
  description = "Policy tags: class of column to the tag's full name."
  value       = { for class, tag in google_data_catalog_policy_tag.classes : class => tag.name }
}

# Whoever takes it waits until Pub/Sub may write there: a subscription is refused before.
output "safety_net_table" {
  description = "Table that a BigQuery subscription may write, PROJECT.DATASET.TABLE: input safety_net_table of the stream module."
  value       = "${var.project_id}.${google_bigquery_table.safety_net.dataset_id}.${google_bigquery_table.safety_net.table_id}"
  depends_on  = [google_bigquery_table_iam_member.safety_net]
}

output "table_ids" {
  description = "Tables, those of held rows too: name in SQL to full id."
  value       = { for name, table in google_bigquery_table.tables : name => table.id }
}

output "taxonomy_id" {
  description = "Full id of the taxonomy that the policy tags belong to."
  value       = google_data_catalog_taxonomy.classes.id
}
