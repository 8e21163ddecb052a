mock_provider "google" {}

# Tags have no name before they are made; the plan of a table is read with these.
override_resource {
  target          = google_data_catalog_policy_tag.classes["identity"]
  override_during = plan
  values          = { name = "projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/identity" }
}
override_resource {
  target          = google_data_catalog_policy_tag.classes["network"]
  override_during = plan
  values          = { name = "projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/network" }
}
override_resource {
  target          = google_data_catalog_policy_tag.classes["content"]
  override_during = plan
  values          = { name = "projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/content" }
}
override_resource {
  target          = google_data_catalog_policy_tag.classes["secret_evidence"]
  override_during = plan
  values          = { name = "projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/secret_evidence" }
}
override_resource {
  target          = google_data_catalog_policy_tag.classes["key"]
  override_during = plan
  values          = { name = "projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/key" }
}
override_resource {
  target          = google_logging_project_sink.access_log
  override_during = plan
  values          = { writer_identity = "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com" }
}

variables {
  project_id     = "acme-audit"
  project_number = "123456789012"
  location       = "europe-west3"
  kms_key_ids = {
    audit        = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/audit"
    content      = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/content"
    subject_keys = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/subject-keys"
  }
  readers = {
    admin        = "group:audit-admins@acme.example"
    analyst      = "group:audit-analysts@acme.example"
    auditor      = "group:auditors@acme.example"
    investigator = "group:investigators@acme.example"
    looker       = "serviceAccount:tailnumber-looker@acme-audit.iam.gserviceaccount.com"
    security     = "group:security@acme.example"
  }
  loader_member = "serviceAccount:tailnumber-loader@acme-audit.iam.gserviceaccount.com"
  keeper_member = "serviceAccount:tailnumber-keeper@acme-audit.iam.gserviceaccount.com"
  custom_role_ids = {
    tailnumberKeeperChanges = "projects/acme-audit/roles/tailnumberKeeperChanges"
    tailnumberKeeperReads   = "projects/acme-audit/roles/tailnumberKeeperReads"
    tailnumberLoader        = "projects/acme-audit/roles/tailnumberLoader"
  }
  tenants     = ["acme", "acme-japan"]
  departments = { payments = "group:payments-leads@acme.example", risk = "group:risk-leads@acme.example" }
}

run "tables_datasets_and_columns_are_the_contracts" {
  command = plan

  # Every table of the contract is made as the contract says.
  assert {
    condition     = length(local.tables) >= 12 && length(setsubtract(keys(local.tables), keys(google_bigquery_table.tables))) == 0
    error_message = "Each rendered table is planned."
  }
  assert {
    condition     = alltrue([for id, table in google_bigquery_table.tables : table.require_partition_filter && table.time_partitioning[0].field != null && contains(["DAY", "MONTH"], table.time_partitioning[0].type)])
    error_message = "Every table is partitioned and refuses a query without a filter."
  }
  assert {
    condition = alltrue([
      for id, table in local.tables :
      google_bigquery_table.tables[id].time_partitioning[0].expiration_ms == table.time_partitioning.expiration_ms
    ])
    error_message = "Rows are kept as long as the contract says."
  }
  assert {
    condition     = google_bigquery_table.tables["content.parts_v1"].time_partitioning[0].expiration_ms == 190 * 24 * 60 * 60 * 1000
    error_message = "Texts are kept 190 days."
  }
  assert {
    condition     = alltrue([for id, table in google_bigquery_table.tables : table.deletion_protection && length(table.clustering) > 0 && length(table.description) > 20])
    error_message = "Every table is protected, clustered and described."
  }
  assert {
    condition     = alltrue([for view in concat(values(google_bigquery_table.views), values(google_bigquery_table.views_of_views)) : view.deletion_protection])
    error_message = "Views are protected too."
  }

  # Every column is tagged by its class.
  assert {
    condition = alltrue(flatten([
      for id, source in local.sources : [
        for name, class in local.access.column_tags[source] :
        one([for column in jsondecode(google_bigquery_table.tables[id].schema) : try(column.policyTags.names, null) if column.name == name]) == ["projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/${class}"]
      ]
    ]))
    error_message = "Each column of a class has that class's tag, in the table and among held rows."
  }
  assert {
    condition = alltrue(flatten([
      for id, source in local.sources : [
        for column in jsondecode(google_bigquery_table.tables[id].schema) :
        !can(column.policyTags) if !contains(keys(local.access.column_tags[source]), column.name)
      ]
    ]))
    error_message = "A public column has no tag."
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.tables : !strcontains(table.schema, "classification") && !strcontains(table.schema, "policy_tags.")])
    error_message = "Nothing of the contract's own notation reaches BigQuery."
  }
  assert {
    condition     = alltrue([for id, source in local.sources : [for column in jsondecode(google_bigquery_table.tables[id].schema) : "${column.name} ${column.type} ${column.mode}"] == [for column in local.tables[source].schema : "${column.name} ${column.type} ${column.mode}"]])
    error_message = "Columns, their types and their order are the contract's."
  }

  # Datasets are encrypted by class and forget texts soon.
  assert {
    condition     = { for id, dataset in local.all_datasets : id => "${regex("[^/]+$", dataset.default_encryption_configuration[0].kms_key_name)} ${dataset.max_time_travel_hours}" } == { audit = "audit 168", content = "content 48", hold = "content 48", integrity = "audit 168", keys = "subject-keys 48", raw = "content 48", reporting = "audit 168" }
    error_message = "Key and hours of time travel of each dataset."
  }
  assert {
    condition     = alltrue([for dataset in local.all_datasets : !dataset.delete_contents_on_destroy])
    error_message = "Destroying a dataset with rows in it is refused."
  }
  assert {
    condition     = alltrue([for id, table in google_bigquery_table.tables : endswith(table.encryption_configuration[0].kms_key_name, startswith(local.sources[id], "keys.") ? "/subject-keys" : startswith(local.sources[id], "content.") ? "/content" : "/audit")])
    error_message = "A table and the copies of its rows have the key of its class."
  }

  # What a hold keeps never expires and is read by the same people.
  assert {
    condition     = toset(keys(local.held)) == toset([for id in keys(local.tables) : "hold.${replace(id, ".", "_")}" if !startswith(id, "keys.")])
    error_message = "Every table but the keys has its twin."
  }
  assert {
    condition     = alltrue([for id in keys(local.held) : google_bigquery_table.tables[id].time_partitioning[0].expiration_ms == null])
    error_message = "Held rows do not expire."
  }
  assert {
    condition     = sort([for key, grant in google_bigquery_table_iam_member.tables : grant.member if grant.table_id == "content_parts_v1"]) == tolist(["group:investigators@acme.example"])
    error_message = "Held texts have the readers that texts have."
  }
  assert {
    condition     = sort([for key, grant in google_bigquery_table_iam_member.tables : grant.member if grant.dataset_id == "hold" && grant.table_id == "audit_findings_v1"]) == tolist(["group:audit-analysts@acme.example", "group:auditors@acme.example", "group:investigators@acme.example", "group:payments-leads@acme.example", "group:risk-leads@acme.example", "group:security@acme.example"])
    error_message = "Held findings have the readers that findings have."
  }
}

run "each_role_has_exactly_its_rights" {
  command = plan

  # Each role has exactly its datasets.
  assert {
    condition = { for dataset, grants in local.dataset_grants : dataset => sort([for grant in grants : "${split("@", grant.email)[0]} ${regex("[^/]+$", grant.role)}"]) } == {
      audit     = tolist(["audit-admins OWNER", "audit-analysts READER", "auditors READER", "investigators READER", "security READER", "tailnumber-keeper tailnumberKeeperReads", "tailnumber-loader tailnumberLoader"])
      content   = tolist(["audit-admins OWNER", "investigators READER", "tailnumber-keeper tailnumberKeeperChanges", "tailnumber-loader tailnumberLoader"])
      hold      = tolist(["audit-admins OWNER", "tailnumber-keeper tailnumberKeeperChanges"])
      integrity = tolist(["audit-admins OWNER", "audit-analysts READER", "auditors READER", "investigators READER", "security READER", "tailnumber-keeper tailnumberKeeperReads", "tailnumber-loader tailnumberLoader"])
      keys      = tolist(["audit-admins OWNER", "investigators READER", "tailnumber-keeper tailnumberKeeperChanges", "tailnumber-loader tailnumberLoader"])
      raw       = tolist(["audit-admins OWNER", "auditors READER"])
      reporting = tolist(["audit-admins OWNER", "tailnumber-looker READER"])
    }
    error_message = "Who is on each dataset's list."
  }
  assert {
    condition     = alltrue([for id, dataset in google_bigquery_dataset.datasets : length([for each in dataset.access : each if length(each.dataset) == 0]) == length(local.dataset_grants[id]) && length([for each in dataset.access : each if length(each.dataset) > 0]) == (id == "audit" ? 1 : 0)])
    error_message = "A dataset's list is that and no more; reporting alone is authorized, on audit alone."
  }
  assert {
    condition     = alltrue(flatten([for dataset in google_bigquery_dataset.datasets : [for each in dataset.access : each.special_group == null && each.domain == null && each.iam_member == null]]))
    error_message = "Nothing is open to a domain, to all users or to whoever reads the project."
  }
  assert {
    condition     = sort([for grant in google_project_iam_member.jobs : split(":", split("@", grant.member)[0])[1]]) == tolist(["audit-admins", "audit-analysts", "auditors", "investigators", "payments-leads", "risk-leads", "security", "tailnumber-keeper", "tailnumber-looker"]) && alltrue([for grant in google_project_iam_member.jobs : grant.role == "roles/bigquery.jobUser"])
    error_message = "Whoever asks may run jobs; the loader may not."
  }
  assert {
    condition     = sort(distinct([for grant in google_bigquery_table_iam_member.tables : "${grant.dataset_id}.${grant.table_id}" if grant.member == "group:risk-leads@acme.example" && grant.dataset_id != "hold"])) == tolist(["audit.findings", "audit.findings_v1", "audit.interactions", "audit.interactions_v1", "audit.tool_calls", "audit.tool_calls_v1"])
    error_message = "Managers read three tables and their views."
  }

  # Texts have one group of readers.
  assert {
    condition     = sort([for key, grant in google_data_catalog_policy_tag_iam_member.clear : grant.member if startswith(key, "content ")]) == tolist(["group:investigators@acme.example", "serviceAccount:tailnumber-keeper@acme-audit.iam.gserviceaccount.com"])
    error_message = "One group, and the account that copies what holds keep."
  }
  assert {
    condition     = [for key, grant in google_data_catalog_policy_tag_iam_member.clear : grant.member if startswith(key, "key ")] == ["group:investigators@acme.example"]
    error_message = "Content keys are read by the same group alone."
  }
  assert {
    condition     = alltrue([for grant in google_data_catalog_policy_tag_iam_member.clear : grant.role == "roles/datacatalog.categoryFineGrainedReader" && !strcontains(grant.member, "loader") && !strcontains(grant.member, "admins") && !strcontains(grant.member, "looker")])
    error_message = "Loader, admins and dashboards have no tag."
  }
  assert {
    condition     = { for key, grant in google_data_catalog_policy_tag_iam_member.clear : key => grant.member } == merge([for class, roles in local.access.fine_grained_readers : merge([for role in roles : { for name, member in local.holders[role] : "${class} ${name}" => member }]...)]...)
    error_message = "Each class in clear to the roles of access.json and no other."
  }
  assert {
    condition     = { for key, grant in google_bigquery_datapolicy_data_policy_iam_member.masked : key => grant.member } == merge([for mask, policy in local.access.data_policies : merge([for role in policy.masked_readers : { for name, member in local.holders[role] : "${mask} ${name}" => member }]...)]...)
    error_message = "Each mask to the roles of access.json and no other."
  }
  assert {
    condition     = { for id, mask in google_bigquery_datapolicy_data_policy.masks : id => mask.data_masking_policy[0].predefined_expression } == { content_masked = "ALWAYS_NULL", identity_masked = "EMAIL_MASK", network_masked = "SHA256", secret_evidence_masked = "SHA256" }
    error_message = "What masked readers see."
  }
  assert {
    condition     = google_data_catalog_taxonomy.classes.activated_policy_types == tolist(["FINE_GRAINED_ACCESS_CONTROL"]) && google_data_catalog_taxonomy.classes.region == "europe-west3"
    error_message = "Tags are enforced, and lie where the data lies."
  }

  # No table is without row policies.
  assert {
    condition     = toset([for policy in google_bigquery_row_access_policy.rows : "${policy.dataset_id}.${policy.table_id}"]) == toset(keys(local.sources))
    error_message = "Every table and every copy has row policies."
  }
  assert {
    condition     = alltrue([for policy in google_bigquery_row_access_policy.rows : sort(policy.grantees) == tolist(["group:audit-admins@acme.example", "serviceAccount:tailnumber-keeper@acme-audit.iam.gserviceaccount.com"]) if policy.policy_id == "everything"])
    error_message = "Every row to those who must copy and delete rows, and to nobody else."
  }
  assert {
    condition     = google_bigquery_row_access_policy.rows["audit.events_v1 tenant_acme_japan"].filter_predicate == "tenant_id = 'acme-japan'"
    error_message = "A tenant's readers see the tenant's rows."
  }
  assert {
    condition     = google_bigquery_row_access_policy.rows["hold.audit_findings_v1 department_acme_payments"].filter_predicate == "tenant_id = 'acme' AND department = 'payments'" && google_bigquery_row_access_policy.rows["hold.audit_findings_v1 department_acme_payments"].grantees == tolist(["group:payments-leads@acme.example"])
    error_message = "A department's managers see the department's rows, held ones too."
  }
  assert {
    condition     = alltrue([for policy in google_bigquery_row_access_policy.rows : !contains(policy.grantees, "group:payments-leads@acme.example") if !can(regex("^department_.*_payments$", policy.policy_id))])
    error_message = "Managers see no other rows."
  }
}

run "views_safety_net_and_access_log_are_there" {
  command = plan

  # Views and routines name their project and come after what they read.
  assert {
    condition     = toset(concat(keys(google_bigquery_table.views), keys(google_bigquery_table.views_of_views))) == toset(keys(local.view_sql))
    error_message = "Every rendered view is planned."
  }
  assert {
    condition     = join(" ", keys(google_bigquery_table.views_of_views)) == "audit.events_ocsf audit.interactions_otel audit.sessions"
    error_message = "Views that read views come last."
  }
  assert {
    condition     = alltrue([for id, view in merge(google_bigquery_table.views, google_bigquery_table.views_of_views) : strcontains(view.view[0].query, "FROM `acme-audit.") && !can(regex("FROM `(audit|content|keys|integrity)\\.", view.view[0].query)) && !view.view[0].use_legacy_sql])
    error_message = "A view reads tables of its own project, whoever asks."
  }
  assert {
    condition     = google_bigquery_routine.routines["audit.sessions_since"].routine_type == "TABLE_VALUED_FUNCTION" && google_bigquery_routine.routines["audit.sessions_since"].arguments[0].data_type == jsonencode({ typeKind = "TIMESTAMP" })
    error_message = "The table function takes a time."
  }
  assert {
    condition     = google_bigquery_routine.routines["content.reveal"].routine_type == "PROCEDURE" && length(google_bigquery_routine.routines["content.reveal"].arguments) == 3 && startswith(google_bigquery_routine.routines["content.reveal"].definition_body, "BEGIN") && strcontains(google_bigquery_routine.routines["content.reveal"].definition_body, "FROM `acme-audit.keys.subject_keys`")
    error_message = "The procedure that opens texts is the contract's."
  }

  # The safety net takes messages and shows no text.
  assert {
    condition     = output.safety_net_table == "acme-audit.raw.messages_v1"
    error_message = "What a BigQuery subscription asks for."
  }
  assert {
    condition     = [for column in jsondecode(google_bigquery_table.safety_net.schema) : column.policyTags.names[0] if column.name == "data"] == ["projects/acme-audit/locations/europe-west3/taxonomies/1/policyTags/content"]
    error_message = "Messages are of class content."
  }
  assert {
    condition     = google_bigquery_table.safety_net.require_partition_filter && google_bigquery_table.safety_net.time_partitioning[0].expiration_ms == 31 * 24 * 60 * 60 * 1000 && google_bigquery_table.safety_net.deletion_protection
    error_message = "Partitioned, protected, gone after 31 days."
  }
  assert {
    condition     = google_bigquery_table_iam_member.safety_net.role == "projects/acme-audit/roles/tailnumberLoader" && google_bigquery_table_iam_member.safety_net.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    error_message = "Pub/Sub appends and reads nothing."
  }

  # Reads of the trail are kept for the auditors.
  assert {
    condition     = alltrue([for dataset in keys(local.dataset_grants) : strcontains(google_logging_project_sink.access_log[0].filter, "\"${dataset}\"")]) && strcontains(google_logging_project_sink.access_log[0].filter, "projects/acme-audit/logs/cloudaudit.googleapis.com%2Fdata_access") && strcontains(google_logging_project_sink.access_log[0].filter, "%2Factivity")
    error_message = "Reads and changes of every dataset are routed."
  }
  assert {
    condition     = strcontains(google_logging_project_sink.access_log[0].filter, "datacatalog.googleapis.com") && strcontains(google_logging_project_sink.access_log[0].filter, "bigquerydatapolicy.googleapis.com")
    error_message = "So are changes of tags and masks."
  }
  assert {
    condition     = google_logging_project_sink.access_log[0].bigquery_options[0].use_partitioned_tables && google_logging_project_sink.access_log[0].unique_writer_identity && google_logging_project_sink.access_log[0].destination == "bigquery.googleapis.com/projects/acme-audit/datasets/access_log"
    error_message = "Into partitioned tables of a dataset of its own."
  }
  assert {
    condition     = google_bigquery_dataset.access_log[0].default_partition_expiration_ms == 2192 * 24 * 60 * 60 * 1000
    error_message = "Kept as long as events."
  }
  assert {
    condition     = google_bigquery_dataset_access.access_log_reader[0].group_by_email == "auditors@acme.example" && google_bigquery_dataset_access.access_log_reader[0].role == "READER" && google_bigquery_dataset_access.access_log_writer[0].user_by_email == "service-123456789012@gcp-sa-logging.iam.gserviceaccount.com"
    error_message = "Auditors read it, the sink writes it."
  }
  assert {
    condition     = join(" ", sort([for each in google_project_iam_audit_config.reads : each.service])) == "cloudkms.googleapis.com pubsub.googleapis.com secretmanager.googleapis.com storage.googleapis.com" && alltrue([for each in google_project_iam_audit_config.reads : [for config in each.audit_log_config : config.log_type] == ["DATA_READ"]])
    error_message = "Reads of keys, messages, secrets and the archive are logged."
  }
}

run "an_organization_with_its_own_sink_leaves_it_out" {
  command = plan
  variables {
    access_log = false
  }

  assert {
    condition     = length(google_bigquery_dataset.access_log) + length(google_logging_project_sink.access_log) == 0 && length(google_project_iam_audit_config.reads) == 4
    error_message = "No sink, and reads are logged all the same."
  }
}

run "a_role_without_a_group_is_granted_to_nobody" {
  command = plan
  variables {
    readers     = { admin = "group:audit-admins@acme.example" }
    departments = {}
  }

  assert {
    condition     = alltrue([for policy in google_bigquery_row_access_policy.rows : policy.policy_id == "everything"]) && length(google_bigquery_datapolicy_data_policy_iam_member.masked) == 0
    error_message = "Nobody reads but who must."
  }
}

run "days_between_floor_and_ceiling_are_taken" {
  command = plan
  variables {
    retention_days = { content = 365 }
  }

  assert {
    condition     = google_bigquery_table.tables["content.parts_v1"].time_partitioning[0].expiration_ms == 365 * 24 * 60 * 60 * 1000 && google_bigquery_table.tables["audit.events_v1"].time_partitioning[0].expiration_ms == 2192 * 24 * 60 * 60 * 1000
    error_message = "One class differs, the others keep theirs."
  }
}
