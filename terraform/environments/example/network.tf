# A network of its own: nothing in it has an external address, and only the gateways reach the
# internet, through NAT. Developers come from the company's network by Interconnect, VPN or peering,
# which the company connects to this network.

locals {
  # 10.64.0.0/20; change it here if the company's network uses these addresses.
  ranges = {
    gateways = "10.64.0.0/24"
    proxies  = "10.64.1.0/24"
    workers  = "10.64.2.0/24"
    services = "10.64.8.0"
  }
}

resource "google_compute_network" "this" {
  project                         = var.project_id
  name                            = "tailnumber"
  auto_create_subnetworks         = false
  delete_default_routes_on_create = false
  routing_mode                    = "GLOBAL"

  depends_on = [google_project_service.used]
}

resource "google_compute_subnetwork" "gateways" {
  project                  = var.project_id
  region                   = var.region
  name                     = "tailnumber-gateways"
  network                  = google_compute_network.this.id
  ip_cidr_range            = local.ranges.gateways
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_30_SEC"
    # Every connection of a gateway: which upstream was spoken to is evidence.
    flow_sampling = 1
    metadata      = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_subnetwork" "workers" {
  project       = var.project_id
  region        = var.region
  name          = "tailnumber-workers"
  network       = google_compute_network.this.id
  ip_cidr_range = local.ranges.workers
  # Workers reach Google's services this way, and nothing else: no NAT stands on this range.
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The regional load balancer's proxies take their addresses from here.
resource "google_compute_subnetwork" "proxies" {
  project       = var.project_id
  region        = var.region
  name          = "tailnumber-proxies"
  network       = google_compute_network.this.id
  ip_cidr_range = local.ranges.proxies
  purpose       = "REGIONAL_MANAGED_PROXY"
  role          = "ACTIVE"
}

# Cloud SQL lives in a network of Google's that is peered with this one.
resource "google_compute_global_address" "services" {
  project       = var.project_id
  name          = "tailnumber-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = local.ranges.services
  prefix_length = 24
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# Workers of one Dataflow job speak with each other on these two ports.
resource "google_compute_firewall" "workers" {
  project                 = var.project_id
  name                    = "tailnumber-workers"
  description             = "Dataflow workers of one job exchange data."
  network                 = google_compute_network.this.id
  direction               = "INGRESS"
  source_service_accounts = [module.identity.service_accounts.loader]
  target_service_accounts = [module.identity.service_accounts.loader]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}
