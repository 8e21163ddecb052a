# What nobody may do in the project, its owner neither. They stand on the project, so that others are
# not touched; an organization that has them above keeps its own.

locals {
  # Yes-or-no constraints, each of which the modules here keep.
  enforced = [
    # Keys of service accounts are passwords that end never and lie somewhere.
    "iam.disableServiceAccountKeyCreation",
    "iam.disableServiceAccountKeyUpload",
    # Google would otherwise make its default accounts editors.
    "iam.automaticIamGrantsForDefaultServiceAccounts",
    "storage.publicAccessPrevention",
    "storage.uniformBucketLevelAccess",
    "sql.restrictPublicIp",
    "sql.restrictAuthorizedNetworks",
    "compute.disableSerialPortAccess",
    "compute.skipDefaultNetworkCreation",
  ]

  allowed = merge(
    {
      # Texts and keys stay where the company said.
      "gcp.resourceLocations" = ["in:${var.region}-locations"]
      # Whose keys encrypt: this project's own.
      "gcp.restrictCmekCryptoKeyProjects" = ["under:projects/${var.project_id}"]
      # A Cloud Run service is reached through the internal load balancer.
      "run.allowedIngress" = ["is:internal-and-cloud-load-balancing", "is:internal"]
    },
    length(var.customer_ids) > 0 ? { "iam.allowedPolicyMemberDomains" = [for id in var.customer_ids : "is:${id}"] } : {},
  )

  denied = {
    # What is made without the company's key is not made. BigQuery is not among them: a query's own
    # passing results would be refused; its datasets name their keys.
    "gcp.restrictNonCmekServices" = [
      "compute.googleapis.com",
      "dataflow.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "sqladmin.googleapis.com",
      "storage.googleapis.com",
    ]
  }
}

resource "google_org_policy_policy" "enforced" {
  for_each = toset(local.enforced)

  parent = "projects/${var.project_id}"
  name   = "projects/${var.project_id}/policies/${each.value}"

  spec {
    rules {
      enforce = "TRUE"
    }
  }
}

resource "google_org_policy_policy" "allowed" {
  for_each = local.allowed

  parent = "projects/${var.project_id}"
  name   = "projects/${var.project_id}/policies/${each.key}"

  spec {
    rules {
      values {
        allowed_values = each.value
      }
    }
  }
}

resource "google_org_policy_policy" "denied" {
  for_each = local.denied

  parent = "projects/${var.project_id}"
  name   = "projects/${var.project_id}/policies/${each.key}"

  spec {
    rules {
      values {
        denied_values = each.value
      }
    }
  }
}

resource "google_org_policy_policy" "no_external_addresses" {
  parent = "projects/${var.project_id}"
  name   = "projects/${var.project_id}/policies/compute.vmExternalIpAccess"

  spec {
    rules {
      deny_all = "TRUE"
    }
  }
}
