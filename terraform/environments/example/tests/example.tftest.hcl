# What the plan says is asserted by tests/terraform; here: what is refused before a plan.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

mock_provider "google-beta" {}

variables {
  project_id          = "acme-tailnumber"
  region              = "europe-west1"
  tenant              = "acme"
  domain              = "tailnumber.acme.example"
  certificate         = "projects/acme-tailnumber/locations/europe-west1/certificates/tailnumber"
  control_password    = "0123456789012345678901234567890123456789"
  notification_emails = ["tailnumber-oncall@acme.example"]
  groups              = { admin = "tailnumber-admins@acme.example" }
  images = {
    ingress  = "europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/ingress@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    pipeline = "europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/dataflow@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    tools    = "europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/tools@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
}

run "wrong_variables_are_refused" {
  command = plan

  variables {
    certificate         = "projects/acme-tailnumber/locations/us-east1/certificates/tailnumber"
    control_password    = "correct-horse"
    domain              = "https://tailnumber.acme.example"
    groups              = { auditor = "allUsers" }
    issuers_file        = "nowhere.yaml"
    notification_emails = []
    perimeter           = { access_policy = "1", company_ranges = [] }
    policy_file         = "nowhere.yaml"
    project_id          = "123456789012"
    tenant              = "Acme Inc."
    variant             = "kubernetes"
    images = {
      ingress  = "acme/ingress:latest"
      pipeline = "acme/dataflow:latest"
      tools    = "acme/tools:latest"
    }
  }

  expect_failures = [
    var.certificate, var.control_password, var.domain, var.groups, var.images, var.issuers_file, var.notification_emails,
    var.perimeter, var.policy_file, var.project_id, var.tenant, var.variant,
  ]
}

run "a_zone_and_two_roles_of_one_group_are_refused" {
  command = plan

  variables {
    region = "europe-west1-b"
    groups = {
      admin        = "everybody@acme.example"
      investigator = "everybody@acme.example"
    }
  }

  expect_failures = [var.region, var.groups]
}
