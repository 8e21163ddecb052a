mock_provider "google" {}

variables {
  project_id = "acme-tailnumber"
}

run "each_role_has_an_account_of_its_own" {
  command = plan

  assert {
    condition     = toset(keys(google_service_account.role)) == toset(["ingress", "keeper", "loader", "looker", "scheduler"])
    error_message = "The roles are ingress, keeper, loader, looker and scheduler."
  }
  assert {
    condition     = length(distinct([for account in google_service_account.role : account.account_id])) == 5
    error_message = "Two roles share an account."
  }
}

run "the_project_grants_only_what_has_no_smaller_place" {
  command = plan

  assert {
    condition = toset(keys(google_project_iam_member.role)) == toset([
      "ingress roles/logging.logWriter",
      "ingress roles/monitoring.metricWriter",
      "loader roles/dataflow.worker",
      "loader roles/monitoring.metricWriter",
    ])
    error_message = "A right on the project was added; grant it on the resource, or say here why that cannot be."
  }
  assert {
    condition = alltrue([
      for grant in google_project_iam_member.role : !contains(["roles/owner", "roles/editor", "roles/viewer"], grant.role)
    ])
    error_message = "A basic role reads or changes the whole project."
  }
}

run "the_loader_appends_and_reads_nothing" {
  command = plan

  assert {
    condition     = toset(google_project_iam_custom_role.role["tailnumberLoader"].permissions) == toset(["bigquery.tables.get", "bigquery.tables.updateData"])
    error_message = "The loader's role says more than: append."
  }
  assert {
    condition     = alltrue([for role in google_project_iam_custom_role.role : role.stage == "GA"])
    error_message = "A custom role is not in force."
  }
}

run "a_project_number_is_refused" {
  command = plan

  variables {
    project_id = "123456789012"
  }

  expect_failures = [var.project_id]
}

run "a_name_that_makes_account_names_too_long_is_refused" {
  command = plan

  variables {
    name = "the-flight-recorder-of-acme"
  }

  expect_failures = [var.name]
}
