# A wall around the project's services (VPC Service Controls): with the right credentials, but from
# elsewhere, nothing is read; and nothing inside is copied to a project outside.

locals {
  policy    = "accessPolicies/${var.access_policy}"
  project   = "projects/${var.project_number}"
  perimeter = "${local.policy}/servicePerimeters/${replace(var.name, "-", "_")}"

  # Every service that holds the trail or a key, or through which it could be carried away.
  restricted_services = [
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "datacatalog.googleapis.com",
    "dataflow.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
  ]

  deployers = length(var.deployers) > 0 ? [var.deployers] : []
  images    = length(var.image_project_numbers) > 0 ? [[for number in var.image_project_numbers : "projects/${number}"]] : []
}

resource "google_access_context_manager_access_level" "company" {
  parent = local.policy
  name   = "${local.policy}/accessLevels/${replace(var.name, "-", "_")}_company"
  title  = "${var.name} company"

  basic {
    conditions {
      ip_subnetworks = var.company_ranges
    }
  }
}

# The same wall twice, since its two states are two blocks: `spec` logs what it would refuse, `status`
# refuses. Only one of them is made.
resource "google_access_context_manager_service_perimeter" "this" {
  parent                    = local.policy
  name                      = local.perimeter
  title                     = var.name
  description               = "Tailnumber: the audit trail of AI coding agents."
  perimeter_type            = "PERIMETER_TYPE_REGULAR"
  use_explicit_dry_run_spec = var.dry_run

  dynamic "spec" {
    for_each = var.dry_run ? ["dry run"] : []
    content {
      resources           = [local.project]
      restricted_services = local.restricted_services
      access_levels       = [google_access_context_manager_access_level.company.name]

      vpc_accessible_services {
        enable_restriction = true
        allowed_services   = ["RESTRICTED-SERVICES"]
      }

      dynamic "ingress_policies" {
        for_each = local.deployers
        content {
          title = "deployers"
          ingress_from {
            identities = ingress_policies.value
            sources {
              access_level = "*"
            }
          }
          ingress_to {
            resources = [local.project]
            operations {
              service_name = "*"
            }
          }
        }
      }

      dynamic "egress_policies" {
        for_each = local.images
        content {
          title = "images"
          egress_from {
            identity_type = "ANY_IDENTITY"
          }
          egress_to {
            resources = egress_policies.value
            operations {
              service_name = "artifactregistry.googleapis.com"
              method_selectors {
                method = "artifactregistry.googleapis.com/DockerRead"
              }
            }
          }
        }
      }
    }
  }

  dynamic "status" {
    for_each = var.dry_run ? [] : ["enforced"]
    content {
      resources           = [local.project]
      restricted_services = local.restricted_services
      access_levels       = [google_access_context_manager_access_level.company.name]

      vpc_accessible_services {
        enable_restriction = true
        allowed_services   = ["RESTRICTED-SERVICES"]
      }

      dynamic "ingress_policies" {
        for_each = local.deployers
        content {
          title = "deployers"
          ingress_from {
            identities = ingress_policies.value
            sources {
              access_level = "*"
            }
          }
          ingress_to {
            resources = [local.project]
            operations {
              service_name = "*"
            }
          }
        }
      }

      dynamic "egress_policies" {
        for_each = local.images
        content {
          title = "images"
          egress_from {
            identity_type = "ANY_IDENTITY"
          }
          egress_to {
            resources = egress_policies.value
            operations {
              service_name = "artifactregistry.googleapis.com"
              method_selectors {
                method = "artifactregistry.googleapis.com/DockerRead"
              }
            }
          }
        }
      }
    }
  }
}
