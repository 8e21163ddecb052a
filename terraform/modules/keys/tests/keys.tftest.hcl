mock_provider "google" {}

variables {
  project_id         = "acme-audit"
  project_number     = "123456789012"
  region             = "europe-west3"
  content_sealers    = { ingress = "serviceAccount:tailnumber-ingress@acme-audit.iam.gserviceaccount.com" }
  content_decrypters = { investigator = "group:investigators@acme.example" }
}

run "every_class_of_data_has_a_key_of_its_own" {
  command = plan

  assert {
    condition     = join(" ", keys(google_kms_crypto_key.keys)) == "archive audit content content_kek control stream subject_keys"
    error_message = "The seven keys of the contract."
  }
  assert {
    condition     = alltrue([for key in google_kms_crypto_key.keys : key.version_template[0].protection_level == "HSM"])
    error_message = "Keys live in hardware unless somebody asks otherwise."
  }
  assert {
    condition     = alltrue([for key in google_kms_crypto_key.keys : key.rotation_period == "7776000s"])
    error_message = "Every key rotates after 90 days."
  }
  assert {
    condition     = alltrue([for key in google_kms_crypto_key.keys : key.destroy_scheduled_duration == "2592000s"])
    error_message = "A version scheduled for destruction can be restored for 30 days."
  }
}

run "only_the_gateway_and_one_group_reach_the_key_of_contents" {
  command = plan

  assert {
    condition     = !anytrue([for grant in keys(google_kms_crypto_key_iam_member.agents) : startswith(grant, "content_kek")])
    error_message = "No service agent may use the key that opens texts."
  }
  assert {
    condition     = { for name, grant in google_kms_crypto_key_iam_member.content_decrypters : grant.member => grant.role } == { "group:investigators@acme.example" = "roles/cloudkms.cryptoKeyDecrypterViaDelegation" }
    error_message = "Investigators decrypt inside queries, and nobody else does."
  }
  assert {
    condition     = [for grant in google_kms_crypto_key_iam_member.content_sealers : grant.member] == ["serviceAccount:tailnumber-ingress@acme-audit.iam.gserviceaccount.com"]
    error_message = "The gateway alone wraps content keys."
  }
}

run "each_service_agent_gets_the_keys_of_what_it_keeps" {
  command = plan

  assert {
    condition = toset(keys(google_kms_crypto_key_iam_member.agents)) == toset([
      "archive storage", "audit bigquery", "content bigquery", "control cloud_run", "control cloud_sql",
      "control compute", "control secret_manager", "stream compute", "stream dataflow", "stream pubsub",
      "stream storage", "subject_keys bigquery",
    ])
    error_message = "Exactly the agents that need a key."
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.agents["audit bigquery"].member == "serviceAccount:bq-123456789012@bigquery-encryption.iam.gserviceaccount.com"
    error_message = "BigQuery's agent has a name of its own."
  }
  assert {
    condition     = alltrue([for grant in google_kms_crypto_key_iam_member.agents : startswith(grant.member, "serviceAccount:") && strcontains(grant.member, "123456789012")])
    error_message = "Agents of this project alone."
  }
}

run "slow_rotation_is_refused" {
  command = plan
  variables {
    rotation_days = 91
  }
  expect_failures = [var.rotation_days]
}

run "no_rotation_is_refused" {
  command = plan
  variables {
    rotation_days = 0
  }
  expect_failures = [var.rotation_days]
}

run "global_keys_are_refused" {
  command = plan
  variables {
    region = "global"
  }
  expect_failures = [var.region]
}

run "external_keys_are_refused" {
  command = plan
  variables {
    protection_level = "EXTERNAL"
  }
  expect_failures = [var.protection_level]
}

run "everybody_as_reader_of_texts_is_refused" {
  command = plan
  variables {
    content_decrypters = { everyone = "allAuthenticatedUsers" }
  }
  expect_failures = [var.content_decrypters]
}

run "a_second_group_of_readers_is_refused" {
  command = plan
  variables {
    content_decrypters = { investigator = "group:a@acme.example", others = "group:b@acme.example" }
  }
  expect_failures = [var.content_decrypters]
}

run "a_person_as_sealer_is_refused" {
  command = plan
  variables {
    content_sealers = { ada = "user:ada@acme.example" }
  }
  expect_failures = [var.content_sealers]
}

run "a_project_name_for_its_number_is_refused" {
  command = plan
  variables {
    project_number = "acme-audit"
  }
  expect_failures = [var.project_number]
}

run "a_project_number_for_its_id_is_refused" {
  command = plan
  variables {
    project_id = "123456789012"
  }
  expect_failures = [var.project_id]
}
