mock_provider "google" {
  override_during = plan
}

mock_provider "google-beta" {
  override_during = plan
}

variables {
  project_id           = "acme-audit"
  region               = "europe-west1"
  image                = "europe-west1-docker.pkg.dev/acme-audit/tailnumber/dataflow@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  service_account      = "tailnumber-loader@acme-audit.iam.gserviceaccount.com"
  subscription_id      = "projects/acme-audit/subscriptions/tailnumber-audit-events-pipeline"
  dead_letter_topic_id = "projects/acme-audit/topics/tailnumber-audit-dead-letters"
  subnetwork           = "projects/acme-audit/regions/europe-west1/subnetworks/tailnumber"
  kms_key_id           = "projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/stream"
}

run "runs_privately_as_the_loader_under_the_key" {
  command = plan

  assert {
    condition = (
      google_dataflow_flex_template_job.pipeline.ip_configuration == "WORKER_IP_PRIVATE"
      && google_dataflow_flex_template_job.pipeline.kms_key_name == var.kms_key_id
      && google_dataflow_flex_template_job.pipeline.service_account_email == var.service_account
      && google_dataflow_flex_template_job.pipeline.enable_streaming_engine
    )
    error_message = "The job has a public address, no key, or another account than the loader's."
  }

  assert {
    condition     = google_dataflow_flex_template_job.pipeline.on_delete == "drain"
    error_message = "A job that is replaced must load what it has taken."
  }

  assert {
    condition     = google_dataflow_flex_template_job.pipeline.sdk_container_image == var.image && strcontains(google_storage_bucket_object.template.content, var.image)
    error_message = "Launcher and workers must run the reviewed image."
  }

  assert {
    condition     = google_dataflow_flex_template_job.pipeline.parameters == tomap({ subscription = var.subscription_id, dead_letter_topic = var.dead_letter_topic_id })
    error_message = "The job reads another subscription, or sets messages aside elsewhere."
  }
}

run "keeps_the_staging_bucket_private_and_to_the_loader" {
  command = plan

  assert {
    condition = (
      google_storage_bucket.staging.uniform_bucket_level_access
      && google_storage_bucket.staging.public_access_prevention == "enforced"
      && one(google_storage_bucket.staging.encryption).default_kms_key_name == var.kms_key_id
      && !google_storage_bucket.staging.force_destroy
    )
    error_message = "Whoever can write the staging bucket decides what the loader runs."
  }

  assert {
    condition     = alltrue([for grant in google_storage_bucket_iam_member.stages : grant.member == "serviceAccount:${var.service_account}"])
    error_message = "Somebody else than the loader may write the staging bucket."
  }

  assert {
    condition     = one([for rule in google_storage_bucket.staging.lifecycle_rule : one(rule.condition).matches_prefix]) == tolist(["temp/"])
    error_message = "Only temporary files may go by age."
  }
}

run "lets_the_loader_pull_the_image" {
  command = plan

  assert {
    condition = (
      google_artifact_registry_repository_iam_member.pulls.project == "acme-audit"
      && google_artifact_registry_repository_iam_member.pulls.location == "europe-west1"
      && google_artifact_registry_repository_iam_member.pulls.repository == "tailnumber"
      && google_artifact_registry_repository_iam_member.pulls.role == "roles/artifactregistry.reader"
    )
    error_message = "The loader reads the repository of its image, and no other."
  }
}

run "reads_the_enrichment_files_that_are_named" {
  command = plan

  variables {
    enrichment = {
      directory = "gs://acme-enrichment/people/directory.csv"
      prices    = "gs://acme-enrichment/prices.csv"
    }
  }

  assert {
    condition     = google_dataflow_flex_template_job.pipeline.parameters["directory"] == "gs://acme-enrichment/people/directory.csv" && !contains(keys(google_dataflow_flex_template_job.pipeline.parameters), "countries")
    error_message = "A file that was named is not read, or one that was not is."
  }

  assert {
    condition = toset([for grant in google_storage_bucket_iam_member.reads_enrichment : "${grant.bucket} ${grant.role}"]) == toset([
      "acme-enrichment roles/storage.legacyBucketReader", "acme-enrichment roles/storage.objectViewer",
    ])
    error_message = "The loader may read the files' bucket, and no more."
  }
}

run "a_new_image_is_a_new_template_so_that_the_job_is_updated" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/acme-audit/tailnumber/dataflow@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
  }

  assert {
    condition     = google_dataflow_flex_template_job.pipeline.container_spec_gcs_path != run.runs_privately_as_the_loader_under_the_key.template_path
    error_message = "The job would go on with the old image."
  }
}

run "refuses_an_image_by_tag" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/acme-audit/tailnumber/dataflow:latest"
  }

  expect_failures = [var.image]
}

run "refuses_the_default_service_account" {
  command = plan

  variables {
    service_account = "123456789012-compute@developer.gserviceaccount.com"
  }

  expect_failures = [var.service_account]
}

run "refuses_enrichment_from_a_disk" {
  command = plan

  variables {
    enrichment = { directory = "/etc/directory.csv" }
  }

  expect_failures = [var.enrichment]
}

run "refuses_no_workers" {
  command = plan

  variables {
    max_workers = 0
  }

  expect_failures = [var.max_workers]
}
