# What Dataflow needs to start workers: the template, the graph, no messages.

resource "google_storage_bucket" "staging" {
  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-pipeline"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = var.labels

  encryption {
    default_kms_key_name = var.kms_key_id
  }

  # Nothing here is worth a second copy, and Beam warns of temporary files that are kept.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # Not templates/ and staging/: a job that scales up reads them again, months later too.
  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age            = 7
      matches_prefix = ["temp/"]
    }
  }
}
