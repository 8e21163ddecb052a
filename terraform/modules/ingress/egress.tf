# The way out: to upstreams and issuers, through one address that they can allow, and to nothing else.

locals {
  # Ports that the policy's upstreams listen on.
  upstream_ports = distinct(concat(["443"], flatten(
    regexall("https://[^/:\"]+:([0-9]{1,5})", local.documents)
  )))
  gateway_tag = "${var.name}-gateway"
}

resource "google_compute_address" "egress" {
  project      = var.project_id
  region       = var.region
  name         = "${var.name}-egress"
  address_type = "EXTERNAL"
  labels       = var.labels
}

resource "google_compute_router" "egress" {
  project = var.project_id
  region  = var.region
  name    = "${var.name}-egress"
  network = var.network
}

resource "google_compute_router_nat" "egress" {
  project                             = var.project_id
  region                              = var.region
  name                                = "${var.name}-egress"
  router                              = google_compute_router.egress.name
  nat_ip_allocate_option              = "MANUAL_ONLY"
  nat_ips                             = [google_compute_address.egress.self_link]
  source_subnetwork_ip_ranges_to_nat  = "LIST_OF_SUBNETWORKS"
  enable_dynamic_port_allocation      = true
  enable_endpoint_independent_mapping = false
  min_ports_per_vm                    = 1024
  max_ports_per_vm                    = 16384

  subnetwork {
    name                    = var.subnetwork
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  # Each connection to an upstream, and each that failed: to be held against the trail.
  log_config {
    enable = true
    filter = "ALL"
  }
}

resource "google_compute_firewall" "upstreams" {
  project            = var.project_id
  name               = "${var.name}-gateway-upstreams"
  description        = "Gateways reach upstreams, issuers and Google's services, encrypted."
  network            = var.network
  direction          = "EGRESS"
  priority           = 1000
  target_tags        = [local.gateway_tag]
  destination_ranges = ["0.0.0.0/0"]

  allow {
    protocol = "tcp"
    ports    = local.upstream_ports
  }
}

resource "google_compute_firewall" "database" {
  project            = var.project_id
  name               = "${var.name}-gateway-database"
  description        = "Gateways and keeper reach the control database."
  network            = var.network
  direction          = "EGRESS"
  priority           = 1000
  target_tags        = [local.gateway_tag]
  destination_ranges = ["${google_sql_database_instance.control.private_ip_address}/32"]

  allow {
    protocol = "tcp"
    ports    = ["5432"]
  }
}

resource "google_compute_firewall" "no_other_egress" {
  project            = var.project_id
  name               = "${var.name}-gateway-no-other-egress"
  description        = "A gateway speaks to nobody else; what tries is logged."
  network            = var.network
  direction          = "EGRESS"
  priority           = 65000
  target_tags        = [local.gateway_tag]
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}
