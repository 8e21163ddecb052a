# The streaming job. It is made from the image alone: the template that Dataflow launches is written
# here, so that a new image is one reviewed change and one apply.

locals {
  template = jsonencode({
    image    = var.image
    sdkInfo  = { language = "PYTHON" }
    metadata = jsondecode(file("${path.module}/../../../pipeline/flex/metadata.json"))

    # Workers run in the launcher's image: it holds the code, so that none is fetched at the start.
    defaultEnvironment = { sdkContainerImage = var.image }
  })
}

# Named by what it says: a new image is a new path, and a new path updates the job.
resource "google_storage_bucket_object" "template" {
  bucket       = google_storage_bucket.staging.name
  name         = "templates/${sha256(local.template)}.json"
  content      = local.template
  content_type = "application/json"
}

resource "google_dataflow_flex_template_job" "pipeline" {
  provider = google-beta

  project                 = var.project_id
  region                  = var.region
  name                    = "${var.name}-pipeline"
  container_spec_gcs_path = "gs://${google_storage_bucket.staging.name}/${google_storage_bucket_object.template.name}"
  labels                  = var.labels

  # The options of `python -m pipeline stream`, word for word.
  parameters = merge(
    {
      subscription      = var.subscription_id
      dead_letter_topic = var.dead_letter_topic_id
    },
    { for source, place in var.enrichment : source => place if place != null },
  )

  sdk_container_image   = var.image
  service_account_email = var.service_account
  machine_type          = var.machine_type
  # Workers come and go by load, as Streaming Engine has it unless told otherwise. To say so here is
  # refused: Google takes the name that the pipeline's option has for another one.
  max_workers = var.max_workers

  enable_streaming_engine = true
  kms_key_name            = var.kms_key_id
  staging_location        = "gs://${google_storage_bucket.staging.name}/staging"
  temp_location           = "gs://${google_storage_bucket.staging.name}/temp"

  ip_configuration = "WORKER_IP_PRIVATE"
  subnetwork       = "https://www.googleapis.com/compute/v1/${var.subnetwork}"

  # What was taken is loaded before the job ends. Cancelled, it would come again: no loss either
  # way, but no rows twice.
  on_delete = "drain"

  depends_on = [
    google_artifact_registry_repository_iam_member.pulls,
    google_storage_bucket_iam_member.stages,
    google_storage_bucket_iam_member.reads_enrichment,
  ]
}
