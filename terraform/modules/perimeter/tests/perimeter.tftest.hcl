mock_provider "google" {}

variables {
  access_policy         = "987654321098"
  project_id            = "acme-tailnumber"
  project_number        = "123456789012"
  region                = "europe-west1"
  company_ranges        = ["203.0.113.0/24"]
  deployers             = ["serviceAccount:terraform@acme-build.iam.gserviceaccount.com"]
  image_project_numbers = ["210987654321"]
}

run "it_only_logs_at_first" {
  command = plan

  assert {
    condition     = length(google_access_context_manager_service_perimeter.this.status) == 0 && google_access_context_manager_service_perimeter.this.use_explicit_dry_run_spec
    error_message = "The perimeter refuses before anybody saw what it would refuse."
  }
  assert {
    condition     = length(google_access_context_manager_service_perimeter.this.spec[0].restricted_services) == 14 && toset(google_access_context_manager_service_perimeter.this.spec[0].resources) == toset(["projects/123456789012"])
    error_message = "The dry run is not about this project's services."
  }

  # No keys, nothing public, nothing elsewhere, nothing without a key.
  assert {
    condition = alltrue([
      for constraint in ["iam.disableServiceAccountKeyCreation", "storage.publicAccessPrevention", "storage.uniformBucketLevelAccess", "sql.restrictPublicIp"] :
      google_org_policy_policy.enforced[constraint].spec[0].rules[0].enforce == "TRUE"
    ])
    error_message = "Service account keys, public buckets or public databases can be made."
  }
  assert {
    condition     = google_org_policy_policy.allowed["gcp.resourceLocations"].spec[0].rules[0].values[0].allowed_values == tolist(["in:europe-west1-locations"])
    error_message = "Resources can be made outside the region."
  }
  assert {
    condition     = contains(google_org_policy_policy.denied["gcp.restrictNonCmekServices"].spec[0].rules[0].values[0].denied_values, "pubsub.googleapis.com") && google_org_policy_policy.no_external_addresses.spec[0].rules[0].deny_all == "TRUE"
    error_message = "Resources can be made without the company's key, or machines with external addresses."
  }
  assert {
    condition     = alltrue([for policy in google_org_policy_policy.enforced : policy.parent == "projects/acme-tailnumber"])
    error_message = "A policy stands on more than this project."
  }
}

run "enforced_it_refuses_the_same" {
  command = plan

  variables {
    dry_run = false
  }

  assert {
    condition     = length(google_access_context_manager_service_perimeter.this.spec) == 0 && google_access_context_manager_service_perimeter.this.status[0].restricted_services == toset(local.restricted_services)
    error_message = "Enforced, the perimeter is not what was tried."
  }
  assert {
    condition     = google_access_context_manager_service_perimeter.this.status[0].vpc_accessible_services[0].enable_restriction
    error_message = "Machines inside reach services outside the perimeter."
  }
  assert {
    condition     = google_access_context_manager_service_perimeter.this.status[0].ingress_policies[0].ingress_from[0].identities == toset(var.deployers) && google_access_context_manager_service_perimeter.this.status[0].egress_policies[0].egress_to[0].resources == toset(["projects/210987654321"])
    error_message = "Others than the deployers come in, or more than images goes out."
  }
}

run "wrong_variables_are_refused" {
  command = plan

  variables {
    access_policy         = "accessPolicies/1"
    company_ranges        = ["0.0.0.0/0"]
    customer_ids          = ["acme.example"]
    deployers             = ["allUsers"]
    image_project_numbers = ["acme-images"]
    name                  = "T"
    project_id            = "1"
    project_number        = "acme-tailnumber"
    region                = "europe"
  }

  expect_failures = [
    var.access_policy, var.company_ranges, var.customer_ids, var.deployers, var.image_project_numbers, var.name,
    var.project_id, var.project_number, var.region,
  ]
}
