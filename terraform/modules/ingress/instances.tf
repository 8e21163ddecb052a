# Variant instances: a group of machines, each with a disk that outlives it. A record is durable when
# the disk has it; a machine that is replaced gets the disk of the one before it, and its gateway
# publishes what that had not.

locals {
  zones = [for letter in ["b", "c"] : "${var.region}-${letter}"]
  # What a container may not: change its image, gain rights, be root.
  container_flags = "--read-only --cap-drop=ALL --security-opt=no-new-privileges --user=10001:10001 --pids-limit=2048 --tmpfs=/tmp:rw,noexec,nosuid,nodev,size=256m"
}

resource "google_compute_region_instance_template" "gateway" {
  count = local.on_instances ? 1 : 0

  project              = var.project_id
  region               = var.region
  name_prefix          = "${var.name}-gateway-"
  instance_description = "Gateway of Tailnumber."
  machine_type         = var.machine_type
  labels               = var.labels
  tags                 = [local.gateway_tag]

  # Container-Optimized OS: a read-only system that runs containers and nothing else.
  disk {
    source_image = "projects/cos-cloud/global/images/family/cos-121-lts"
    boot         = true
    auto_delete  = true
    disk_type    = "pd-balanced"
    disk_size_gb = 20
    disk_encryption_key {
      kms_key_self_link = var.kms_key_id
    }
  }

  # A record waits for this disk's sync: an SSD, and nothing else on it.
  disk {
    device_name  = "data"
    auto_delete  = false
    disk_type    = "pd-ssd"
    disk_size_gb = var.disk_gb
    labels       = var.labels
    disk_encryption_key {
      kms_key_self_link = var.kms_key_id
    }
  }

  # No access_config: no external address.
  network_interface {
    subnetwork = var.subnetwork
  }

  service_account {
    email = var.service_accounts.ingress
    # What the account may is said by its grants, not here.
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  scheduling {
    automatic_restart   = true
    on_host_maintenance = "MIGRATE"
  }

  metadata = {
    block-project-ssh-keys    = "true"
    enable-oslogin            = "true"
    google-logging-enabled    = "true"
    google-monitoring-enabled = "true"
    serial-port-enable        = "false"
    user-data = templatefile("${path.module}/files/cloud-init.yaml.tftpl", {
      container_flags = local.container_flags
      fetch_secrets   = file("${path.module}/files/fetch_secrets.py")
      folder          = local.secrets_folder
      image           = var.image
      project_id      = var.project_id
      registry        = join(" ", distinct([for image in [var.image, var.tools_image] : split("/", image)[0]]))
      secrets = {
        for key in ["policy", "issuers", "control-password", "control-ca"] : key => local.secret_names[key]
      }
      settings         = local.settings
      control_settings = local.control_settings
      tools_image      = var.tools_image
    })
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_region_instance_group_manager" "gateway" {
  count = local.on_instances ? 1 : 0

  project                   = var.project_id
  region                    = var.region
  name                      = "${var.name}-gateway"
  base_instance_name        = "${var.name}-gateway"
  distribution_policy_zones = local.zones
  target_size               = var.instance_count

  version {
    instance_template = google_compute_region_instance_template.gateway[0].self_link
  }

  named_port {
    name = "http"
    port = 8080
  }

  # The disk stays when its machine goes; only a person deletes it.
  stateful_disk {
    device_name = "data"
    delete_rule = "NEVER"
  }

  # A machine whose process does not answer is replaced. One that answers but cannot record
  # (/readyz) is not: Pub/Sub being away is no reason to lose what waits.
  auto_healing_policies {
    health_check      = google_compute_region_health_check.alive[0].id
    initial_delay_sec = 300
  }

  # One a zone at a time, under its own name and with its own disk, after the load balancer has let
  # its requests end. Two zones is the least that Google allows to be away at once here.
  update_policy {
    type                         = "PROACTIVE"
    minimal_action               = "REPLACE"
    replacement_method           = "RECREATE"
    instance_redistribution_type = "NONE"
    max_surge_fixed              = 0
    max_unavailable_fixed        = length(local.zones)
  }

  instance_lifecycle_policy {
    force_update_on_repair    = "YES"
    default_action_on_failure = "REPAIR"
  }

  depends_on = [
    # A machine that starts before these are there would wait for them.
    google_secret_manager_secret_iam_binding.readers,
    google_secret_manager_secret_version.control_ca,
    google_secret_manager_secret_version.control_password,
    google_secret_manager_secret_version.issuers,
    google_secret_manager_secret_version.policy,
    google_artifact_registry_repository_iam_member.puller,
    google_compute_router_nat.egress,
  ]
}

# Whether it can record, and may therefore be given requests.
resource "google_compute_region_health_check" "ready" {
  count = local.on_instances ? 1 : 0

  project             = var.project_id
  region              = var.region
  name                = "${var.name}-gateway-ready"
  check_interval_sec  = 5
  timeout_sec         = 5
  healthy_threshold   = 2
  unhealthy_threshold = 2

  http_health_check {
    port         = 8080
    request_path = "/readyz"
  }

  log_config {
    enable = true
  }
}

# Whether it lives; a minute of silence is the end of it.
resource "google_compute_region_health_check" "alive" {
  count = local.on_instances ? 1 : 0

  project             = var.project_id
  region              = var.region
  name                = "${var.name}-gateway-alive"
  check_interval_sec  = 10
  timeout_sec         = 5
  healthy_threshold   = 1
  unhealthy_threshold = 6

  http_health_check {
    port         = 8080
    request_path = "/healthz"
  }

  log_config {
    enable = true
  }
}

resource "google_compute_firewall" "load_balancer" {
  count = local.on_instances ? 1 : 0

  project     = var.project_id
  name        = "${var.name}-gateway-load-balancer"
  description = "The load balancer's proxies and Google's health checks reach the gateways; nobody else does."
  network     = var.network
  direction   = "INGRESS"
  # Source: Google Cloud documentation, "Health checks overview: probe IP ranges".
  source_ranges = [var.proxy_range, "35.191.0.0/16", "130.211.0.0/22"]
  target_tags   = [local.gateway_tag]

  allow {
    protocol = "tcp"
    ports    = ["8080"]
  }
}

# Images may lie in another project; the right to pull is on their repository alone.
resource "google_artifact_registry_repository_iam_member" "puller" {
  for_each = {
    for repository in distinct([
      for image in [var.image, var.tools_image] : join("/", slice(split("/", image), 0, 3))
    ]) : repository => split("/", repository)
  }

  project    = each.value[1]
  location   = trimsuffix(each.value[0], "-docker.pkg.dev")
  repository = each.value[2]
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${var.service_accounts.ingress}"
}
