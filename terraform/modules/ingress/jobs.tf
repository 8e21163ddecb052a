# Work beside the gateways, with the command line `tailnumber`: `keeper` runs daily. `migrate` is for
# variant cloud_run, where no machine starts that could do it: each new tools image runs it once, and
# the service waits for its end.

locals {
  job_files = { for key in ["control-password", "control-ca"] : key => "/run/tailnumber/${key}/${key}" }
  job_settings = merge(local.control_settings, {
    TAILNUMBER_CONTROL_DATABASE      = replace(local.database_url, local.files["control-ca"], local.job_files["control-ca"])
    TAILNUMBER_CONTROL_PASSWORD_FILE = local.job_files["control-password"]
    TAILNUMBER_DATA_DIR              = "/tmp/tailnumber"
  })
  jobs = merge(
    { keeper = ["retain", "--project", var.project_id] },
    local.on_instances ? {} : { migrate = ["control", "migrate"] },
  )
}

resource "google_cloud_run_v2_job" "this" {
  for_each = local.jobs
  provider = google-beta

  project  = var.project_id
  location = var.region
  name     = "${var.name}-${each.key}"
  labels   = var.labels
  # It holds nothing.
  deletion_protection = false
  run_execution_token = each.key == "migrate" ? substr(sha256(var.tools_image), 0, 12) : null

  template {
    task_count  = 1
    parallelism = 1

    template {
      service_account       = var.service_accounts.keeper
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key        = var.kms_key_id
      timeout               = "3600s"
      max_retries           = 1

      vpc_access {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = var.network
          subnetwork = var.subnetwork
          tags       = [local.gateway_tag]
        }
      }

      containers {
        image = var.tools_image
        args  = each.value

        resources {
          limits = {
            cpu    = "1"
            memory = "1Gi"
          }
        }

        dynamic "env" {
          for_each = local.job_settings
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "volume_mounts" {
          for_each = local.job_files
          content {
            name       = volume_mounts.key
            mount_path = dirname(volume_mounts.value)
          }
        }
      }

      dynamic "volumes" {
        for_each = local.job_files
        content {
          name = volumes.key
          secret {
            secret       = google_secret_manager_secret.this[volumes.key].secret_id
            default_mode = 292 # 0444: the process is the only one there
            items {
              path    = basename(volumes.value)
              version = "latest"
            }
          }
        }
      }
    }
  }

  depends_on = [
    google_secret_manager_secret_iam_binding.readers,
    google_secret_manager_secret_version.control_ca,
    google_secret_manager_secret_version.control_password,
    google_compute_firewall.database,
    google_sql_user.control,
  ]
}

resource "google_cloud_scheduler_job" "keeper" {
  project     = var.project_id
  region      = var.region
  name        = "${var.name}-keeper"
  description = "Copies what legal holds keep before it expires, finishes erasures: tailnumber retain."
  schedule    = "17 3 * * *"
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.this["keeper"].id}:run"

    oauth_token {
      service_account_email = var.service_accounts.scheduler
    }
  }

  retry_config {
    retry_count          = 3
    min_backoff_duration = "60s"
  }
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_job.this["keeper"].name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.service_accounts.scheduler}"
}
