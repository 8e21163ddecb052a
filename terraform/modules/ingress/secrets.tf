# Secret Manager holds what gateways are given as files, and the upstreams' credentials. The policy
# and the issuers are no secrets: they are there for its versions, its log of who read what, and the
# one way to the gateways, which look for a new version once a minute.

locals {
  # What the two files say, without their comments.
  documents = jsonencode([yamldecode(var.policy), yamldecode(var.issuers)])

  # Each secret/NAME in them. Terraform makes the secret, a person fills it: the value is in no file,
  # no plan and no state.
  credentials = toset(flatten(regexall("\"secret/([A-Za-z0-9_-]+)\"", local.documents)))

  # Who reads which: the keeper has the database, and nothing that opens an upstream.
  secret_readers = merge(
    {
      policy           = ["ingress"]
      issuers          = ["ingress"]
      control-password = ["ingress", "keeper"]
      control-ca       = ["ingress", "keeper"]
    },
    { for name in local.credentials : "credential ${name}" => ["ingress"] }
  )
  secret_names = {
    for key in keys(local.secret_readers) :
    key => startswith(key, "credential ") ? trimprefix(key, "credential ") : "${var.name}-${key}"
  }
}

resource "google_secret_manager_secret" "this" {
  for_each = local.secret_names

  project             = var.project_id
  secret_id           = each.value
  labels              = var.labels
  deletion_protection = var.deletion_protection
  # A version that is destroyed by mistake can be taken back for a week.
  version_destroy_ttl = "604800s"

  replication {
    user_managed {
      replicas {
        location = var.region
        customer_managed_encryption {
          kms_key_name = var.kms_key_id
        }
      }
    }
  }
}

# A binding, not a member: whoever else is given the role by hand loses it at the next apply.
resource "google_secret_manager_secret_iam_binding" "readers" {
  for_each = local.secret_readers

  project   = var.project_id
  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  members   = [for account in each.value : "serviceAccount:${var.service_accounts[account]}"]
}

resource "google_secret_manager_secret_version" "policy" {
  secret      = google_secret_manager_secret.this["policy"].id
  secret_data = var.policy
  # Former versions stay: which policy was in force when is a question of the trail.
  deletion_policy = "ABANDON"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_version" "issuers" {
  secret          = google_secret_manager_secret.this["issuers"].id
  secret_data     = var.issuers
  deletion_policy = "ABANDON"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_version" "control_password" {
  secret                 = google_secret_manager_secret.this["control-password"].id
  secret_data_wo         = var.control_password
  secret_data_wo_version = local.password_version

  # After the user, which takes ten minutes to be there: an apply that stops before it and is begun
  # anew with another password would leave gateways with the first one and the database with the second.
  depends_on = [google_sql_user.control]
}

# A certificate, and public; it comes the same way as what belongs to it.
resource "google_secret_manager_secret_version" "control_ca" {
  secret      = google_secret_manager_secret.this["control-ca"].id
  secret_data = google_sql_database_instance.control.server_ca_cert[0].cert

  lifecycle {
    create_before_destroy = true
  }
}
