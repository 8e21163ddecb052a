# What the loader needs to run; its rights on messages and tables are the other modules'.

locals {
  # LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/…
  repository = regex("^(?P<location>[a-z0-9-]+)-docker[.]pkg[.]dev/(?P<project>[^/]+)/(?P<name>[^/]+)/", var.image)

  enrichment_buckets = toset([for place in values(var.enrichment) : split("/", place)[2] if place != null])
}

resource "google_artifact_registry_repository_iam_member" "pulls" {
  project    = local.repository.project
  location   = local.repository.location
  repository = local.repository.name
  role       = "roles/artifactregistry.reader"
  member     = "serviceAccount:${var.service_account}"
}

# Whoever writes here decides what the loader runs: the loader itself and terraform, nobody else.
# The launcher looks at the bucket before it writes (storage.buckets.get), hence two roles.
resource "google_storage_bucket_iam_member" "stages" {
  for_each = toset(["roles/storage.legacyBucketReader", "roles/storage.objectUser"])

  bucket = google_storage_bucket.staging.name
  role   = each.value
  member = "serviceAccount:${var.service_account}"
}

resource "google_storage_bucket_iam_member" "reads_enrichment" {
  for_each = {
    for pair in setproduct(local.enrichment_buckets, ["roles/storage.legacyBucketReader", "roles/storage.objectViewer"]) :
    "${pair[0]} ${pair[1]}" => { bucket = pair[0], role = pair[1] }
  }

  bucket = each.value.bucket
  role   = each.value.role
  member = "serviceAccount:${var.service_account}"
}
