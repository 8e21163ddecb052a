locals {
  services = [
    "accesscontextmanager.googleapis.com",
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "bigquerystorage.googleapis.com",
    "certificatemanager.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "datacatalog.googleapis.com",
    "dataflow.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "orgpolicy.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
  ]

  # Google makes these services' own accounts at their first use, which would be too late: the keys
  # are granted to them before.
  agents = [
    "cloudscheduler.googleapis.com",
    "dataflow.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
  ]
}

resource "google_project_service" "used" {
  for_each = toset(local.services)

  project = var.project_id
  service = each.value
  # Others may use the service too; destroying this environment must not stop them.
  disable_on_destroy = false
}

resource "google_project_service_identity" "agent" {
  for_each = toset(local.agents)
  provider = google-beta

  project = var.project_id
  service = google_project_service.used[each.value].service
}

# Asking for them makes them; nothing else does in time.
data "google_bigquery_default_service_account" "agent" {
  project    = var.project_id
  depends_on = [google_project_service.used]
}

data "google_storage_project_service_account" "agent" {
  project    = var.project_id
  depends_on = [google_project_service.used]
}

data "google_project" "this" {
  project_id = var.project_id
}
