# The way in: a regional load balancer with an internal address. It ends TLS; from there to the
# gateways it is HTTP/1.1 inside Google's network, which encrypts between machines.

resource "google_compute_address" "gateway" {
  project      = var.project_id
  region       = var.region
  name         = "${var.name}-gateway"
  address_type = "INTERNAL"
  subnetwork   = var.subnetwork
  labels       = var.labels
}

resource "google_compute_forwarding_rule" "gateway" {
  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-gateway"
  load_balancing_scheme = "INTERNAL_MANAGED"
  ip_address            = google_compute_address.gateway.id
  ip_protocol           = "TCP"
  port_range            = "443"
  target                = google_compute_region_target_https_proxy.gateway.id
  network               = var.network
  subnetwork            = var.subnetwork
  # Developers come in by an attachment of another region, too.
  allow_global_access = true
  labels              = var.labels
}

resource "google_compute_region_ssl_policy" "gateway" {
  project         = var.project_id
  region          = var.region
  name            = "${var.name}-gateway"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_region_target_https_proxy" "gateway" {
  project                          = var.project_id
  region                           = var.region
  name                             = "${var.name}-gateway"
  url_map                          = google_compute_region_url_map.gateway.id
  certificate_manager_certificates = ["//certificatemanager.googleapis.com/${var.certificate}"]
  ssl_policy                       = google_compute_region_ssl_policy.gateway.id
}

resource "google_compute_region_url_map" "gateway" {
  project         = var.project_id
  region          = var.region
  name            = "${var.name}-gateway"
  default_service = google_compute_region_backend_service.gateway.id
}

resource "google_compute_region_backend_service" "gateway" {
  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-gateway-${replace(var.variant, "_", "-")}"
  load_balancing_scheme = "INTERNAL_MANAGED"
  # HTTP/1.1, which is all that the gateway reads. For Cloud Run it is fixed.
  protocol  = local.on_instances ? "HTTP" : "HTTPS"
  port_name = local.on_instances ? "http" : null
  # A whole answer, stream included: models think long. Cloud Run has its own limit.
  timeout_sec = local.on_instances ? 3600 : null
  # An instance that is to go gets no new request, and this long to end those it has.
  connection_draining_timeout_sec = local.on_instances ? 300 : null
  locality_lb_policy              = local.on_instances ? "LEAST_REQUEST" : null
  health_checks                   = google_compute_region_health_check.ready[*].id

  backend {
    group           = local.on_instances ? google_compute_region_instance_group_manager.gateway[0].instance_group : google_compute_region_network_endpoint_group.gateway[0].id
    balancing_mode  = "UTILIZATION"
    capacity_scaler = 1
  }

  # Off on purpose: its log has the whole URL, and a URL can hold a gateway key (/t/KEY/…) or a
  # search. The trail records each request, refused ones included, without either.
  log_config {
    enable = false
  }

  lifecycle {
    create_before_destroy = true
  }
}
