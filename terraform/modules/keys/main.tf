# One key per class of data, so that a right on one opens no other, and so that each use of a key
# in the audit log says what was opened.
locals {
  access = jsondecode(file("${path.module}/../../../schemas/generated/access.json"))

  # Key -> Google's service agents that encrypt with it. A service reads and writes what it keeps
  # through its agent; people and programs need no right on these keys.
  agents_of = {
    audit        = ["bigquery"]
    content      = ["bigquery"]
    subject_keys = ["bigquery"]
    # Dataflow keeps state and staged files under the stream's key: its agent, the machines' disks
    # and the staging bucket.
    stream  = ["pubsub", "dataflow", "compute", "storage"]
    archive = ["storage"]
    control = ["cloud_sql", "compute", "secret_manager", "cloud_run"]
    # Wraps content keys. No service of Google's has it: the gateway and the investigators alone.
    content_kek = []
  }

  # Source: Google Cloud, "Service agents".
  agents = {
    bigquery       = "bq-${var.project_number}@bigquery-encryption.iam.gserviceaccount.com"
    cloud_run      = "service-${var.project_number}@serverless-robot-prod.iam.gserviceaccount.com"
    cloud_sql      = "service-${var.project_number}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    compute        = "service-${var.project_number}@compute-system.iam.gserviceaccount.com"
    dataflow       = "service-${var.project_number}@dataflow-service-producer-prod.iam.gserviceaccount.com"
    pubsub         = "service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    secret_manager = "service-${var.project_number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    storage        = "service-${var.project_number}@gs-project-accounts.iam.gserviceaccount.com"
  }
}

resource "google_kms_key_ring" "ring" {
  project  = var.project_id
  name     = var.name
  location = var.region

  # A key ring cannot be deleted; one that terraform forgot would block its own name.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "keys" {
  for_each = local.agents_of

  name     = replace(each.key, "_", "-")
  key_ring = google_kms_key_ring.ring.id
  purpose  = "ENCRYPT_DECRYPT"
  labels   = var.labels

  # A new version encrypts from then on; older ones go on decrypting what they encrypted.
  rotation_period = "${var.rotation_days * 24 * 60 * 60}s"

  # The time to find out that a version was scheduled for destruction, and to restore it. Google
  # cannot set it later, so it stands here and is no variable.
  destroy_scheduled_duration = "${30 * 24 * 60 * 60}s"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  # Whoever destroys a key destroys what it encrypts, for everybody.
  lifecycle {
    prevent_destroy = true
  }
}
