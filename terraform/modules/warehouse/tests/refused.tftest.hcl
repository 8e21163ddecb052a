mock_provider "google" {}

# A run refuses a wrong value of each variable at once, and fails if one of them is taken: a plan takes
# a second, and there are many ways to be wrong.

variables {
  project_id     = "acme-audit"
  project_number = "123456789012"
  location       = "europe-west3"
  kms_key_ids = {
    audit        = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/audit"
    content      = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/content"
    subject_keys = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/subject-keys"
  }
  readers       = { admin = "group:audit-admins@acme.example" }
  loader_member = "serviceAccount:tailnumber-loader@acme-audit.iam.gserviceaccount.com"
  keeper_member = "serviceAccount:tailnumber-keeper@acme-audit.iam.gserviceaccount.com"
  custom_role_ids = {
    tailnumberKeeperChanges = "projects/acme-audit/roles/tailnumberKeeperChanges"
    tailnumberKeeperReads   = "projects/acme-audit/roles/tailnumberKeeperReads"
    tailnumberLoader        = "projects/acme-audit/roles/tailnumberLoader"
  }
  tenants = ["acme"]
}

run "the_first_wrong_value_of_each_is_refused" {
  command = plan
  variables {
    custom_role_ids = { tailnumberLoader = "projects/acme-audit/roles/tailnumberLoader" } # others left out
    keeper_member   = "allUsers"
    kms_key_ids     = { audit = "audit", content = "content", subject_keys = "subject-keys" } # short names
    loader_member   = "group:loaders@acme.example"
    location        = "europe"
    name            = "Tail Number"
    project_id      = "123456789012"
    project_number  = "acme-audit"
    readers         = { admin = "group:audit-admins@acme.example", auditor = "allAuthenticatedUsers" }
    retention_days  = { content = 30 } # below the floor
    tenants         = ["acme' OR TRUE OR '"]
  }
  expect_failures = [
    var.custom_role_ids, var.keeper_member, var.kms_key_ids, var.loader_member, var.location, var.name,
    var.project_id, var.project_number, var.readers, var.retention_days, var.tenants,
  ]
}

run "the_second_wrong_value_of_each_is_refused" {
  command = plan
  variables {
    kms_key_ids = {
      audit        = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/audit"
      content      = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/audit" # opens both
      subject_keys = "projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/subject-keys"
    }
    readers        = { admin = "group:audit-admins@acme.example", auditor = "domain:acme.example" }
    retention_days = { content = 3650 } # above the ceiling
    tenants        = ["acme-japan", "acme_japan"]
  }
  expect_failures = [var.kms_key_ids, var.readers, var.retention_days, var.tenants]
}

run "the_third_wrong_value_of_each_is_refused" {
  command = plan
  variables {
    readers        = { admin = "user:ada@acme.example" }
    retention_days = { contents = 190 } # no such class
    tenants        = []
  }
  expect_failures = [var.readers, var.retention_days, var.tenants]
}

run "one_group_for_two_roles_is_refused" {
  command = plan
  variables {
    readers        = { admin = "group:audit@acme.example", investigator = "group:audit@acme.example" }
    retention_days = { content = 190.5 }
  }
  expect_failures = [var.readers, var.retention_days]
}

run "a_group_for_dashboards_is_refused" {
  command = plan
  variables {
    readers = { admin = "group:audit-admins@acme.example", looker = "group:everyone@acme.example" }
  }
  expect_failures = [var.readers]
}

run "an_unknown_role_is_refused" {
  command = plan
  variables {
    readers = { admin = "group:audit-admins@acme.example", engineer = "group:engineers@acme.example" }
  }
  expect_failures = [var.readers]
}

run "a_warehouse_without_admins_is_refused" {
  command = plan
  variables {
    readers = { auditor = "group:auditors@acme.example" }
  }
  expect_failures = [var.readers]
}

run "one_group_of_managers_for_all_departments_is_refused" {
  command = plan
  variables {
    readers = { admin = "group:audit-admins@acme.example", manager = "group:managers@acme.example" }
  }
  expect_failures = [var.readers]
}

run "managers_of_two_departments_are_refused" {
  command = plan
  variables {
    departments = { payments = "group:leads@acme.example", risk = "group:leads@acme.example" }
  }
  expect_failures = [var.departments]
}

run "managers_who_have_another_role_are_refused" {
  command = plan
  variables {
    departments = { payments = "group:audit-admins@acme.example" }
  }
  expect_failures = [var.departments]
}

run "a_domain_of_managers_is_refused" {
  command = plan
  variables {
    departments = { payments = "domain:acme.example" }
  }
  expect_failures = [var.departments]
}

run "a_department_that_ends_its_literal_is_refused" {
  command = plan
  variables {
    departments = { "x' OR 'a' = 'a" = "group:x@acme.example" }
  }
  expect_failures = [var.departments]
}

run "departments_that_would_share_a_row_policy_are_refused" {
  command = plan
  variables {
    departments = { payments-eu = "group:a@acme.example", payments_eu = "group:b@acme.example" }
  }
  expect_failures = [var.departments]
}
