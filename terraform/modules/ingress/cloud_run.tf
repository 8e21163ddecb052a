# Variant cloud_run: no machines to look after and no disk. A record is durable when Pub/Sub has taken
# it, so a policy that asks for strict recording is refused.

resource "google_cloud_run_v2_service" "gateway" {
  count = local.on_instances ? 0 : 1

  project             = var.project_id
  location            = var.region
  name                = "${var.name}-gateway"
  labels              = var.labels
  deletion_protection = var.deletion_protection

  # Reached through the load balancer alone. Who calls is checked by the gateway itself, which knows
  # its keys and the company's issuers: Google's own check would ask developers for a second token.
  ingress              = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  invoker_iam_disabled = true

  template {
    service_account                  = var.service_accounts.ingress
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = var.kms_key_id
    timeout                          = "3600s"
    max_instance_request_concurrency = 80
    # A new policy makes a new revision: a running one would not see it for certain.
    labels = merge(var.labels, {
      policy  = substr(sha256(var.policy), 0, 16)
      issuers = substr(sha256(var.issuers), 0, 16)
    })

    scaling {
      min_instance_count = var.instance_count / 2
      max_instance_count = var.instance_count * 5
    }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnetwork
        tags       = [local.gateway_tag]
      }
    }

    containers {
      image = var.image

      ports {
        name           = "http1"
        container_port = 8080
      }

      resources {
        # Records are published between requests, too.
        cpu_idle          = false
        startup_cpu_boost = true
        limits = {
          cpu    = tostring(local.workers)
          memory = "4Gi"
        }
      }

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 5
        failure_threshold = 24
        http_get {
          path = "/readyz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6
        http_get {
          path = "/healthz"
          port = 8080
        }
      }

      dynamic "volume_mounts" {
        for_each = local.files
        content {
          name       = volume_mounts.key
          mount_path = dirname(volume_mounts.value)
        }
      }
    }

    dynamic "volumes" {
      for_each = local.files
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

  lifecycle {
    precondition {
      condition = alltrue([
        for rule in yamldecode(var.policy).rules :
        !contains(["allow", "mask"], rule.effect) || contains(["bracket", "async"], try(rule.assurance, "strict"))
      ])
      error_message = "Strict recording keeps each piece of an answer on a disk, which Cloud Run has not: use variant \"instances\", or write \"assurance: bracket\" at each rule of the policy that allows."
    }
  }

  depends_on = [
    # A gateway does not start on a control database that is not at its version.
    google_cloud_run_v2_job.this,
    google_secret_manager_secret_iam_binding.readers,
    google_secret_manager_secret_version.control_ca,
    google_secret_manager_secret_version.control_password,
    google_secret_manager_secret_version.issuers,
    google_secret_manager_secret_version.policy,
    google_compute_router_nat.egress,
  ]
}

resource "google_compute_region_network_endpoint_group" "gateway" {
  count = local.on_instances ? 0 : 1

  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-gateway"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.gateway[0].name
  }
}
