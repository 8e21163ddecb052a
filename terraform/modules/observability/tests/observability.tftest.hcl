mock_provider "google" {
  override_during = plan
}

variables {
  project_id                    = "acme-audit"
  notification_emails           = ["tailnumber-on-call@acme.example"]
  notification_channels         = ["projects/acme-audit/notificationChannels/1234567890"]
  topic_name                    = "tailnumber-audit-events"
  subscription_name             = "tailnumber-audit-events-pipeline"
  dead_letter_subscription_name = "tailnumber-audit-dead-letters"
  archive_subscription_name     = "tailnumber-audit-events-archive"
  safety_net_subscription_name  = "tailnumber-audit-events-safety-net"
  archive_bucket                = "acme-audit-tailnumber-archive"
  job_name                      = "tailnumber-pipeline"
  keeper_email                  = "tailnumber-keeper@acme-audit.iam.gserviceaccount.com"
  dataset_ids                   = { audit = "audit", content = "content", integrity = "integrity", keys = "keys" }
}

run "every_alert_reaches_everybody_and_says_what_to_do" {
  command = plan

  assert {
    condition = alltrue([
      for key, policy in merge(google_monitoring_alert_policy.metric, google_monitoring_alert_policy.log) :
      length(policy.notification_channels) == 2
      && contains(["CRITICAL", "ERROR", "WARNING"], policy.severity)
      && endswith(one(policy.documentation).content, "docs/runbook.md#${key}")
    ])
    error_message = "An alert reaches nobody, has no severity, or does not say where its section of the runbook is."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.log : length(policy.conditions) == 1 && one(one(policy.alert_strategy).notification_rate_limit).period != ""])
    error_message = "An alert of a log line has one condition and a limit of notifications; Google refuses others."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.log : length(one(one(policy.conditions).condition_matched_log).filter) < 2048])
    error_message = "A filter is longer than Google takes."
  }

  assert {
    condition     = length(output.alert_policy_ids) == length(google_monitoring_alert_policy.metric) + length(google_monitoring_alert_policy.log)
    error_message = "Two alerts have one name."
  }
}

run "a_read_of_texts_and_a_changed_expiry_are_told_of" {
  command = plan

  assert {
    condition = alltrue([
      for part in ["dataset_id=\"content\"", "metadata.tableDataRead:*", "NOT protoPayload.authenticationInfo.principalEmail=\"${var.keeper_email}\""] :
      strcontains(one(one(google_monitoring_alert_policy.log["content-read"].conditions).condition_matched_log).filter, part)
    ])
    error_message = "A read of texts is not told of."
  }

  assert {
    condition = alltrue([
      for part in ["metadata.tableChange:*", "metadata.datasetChange:*", "bucket_name=\"acme-audit-tailnumber-archive\"", "\"audit\" OR \"content\" OR \"integrity\" OR \"keys\""] :
      strcontains(one(one(google_monitoring_alert_policy.log["retention-shortened"].conditions).condition_matched_log).filter, part)
    ])
    error_message = "A changed expiry is not told of."
  }

  assert {
    condition = alltrue([
      for part in ["allUsers", "allAuthenticatedUsers"] :
      strcontains(one(one(google_monitoring_alert_policy.log["public-binding"].conditions).condition_matched_log).filter, part)
    ])
    error_message = "A public binding is not told of."
  }

  assert {
    condition     = strcontains(one(one(google_monitoring_alert_policy.log["keys-destroyed"].conditions).condition_matched_log).filter, "DestroyCryptoKeyVersion")
    error_message = "A destroyed key is not told of."
  }
}

run "watches_both_copies" {
  command = plan

  assert {
    condition     = length(google_monitoring_alert_policy.metric["copies-behind"].conditions) == 2
    error_message = "The archive and the safety net are watched, each by itself."
  }
}

run "reads_the_figures_of_instances_from_text" {
  command = plan

  assert {
    condition     = google_logging_metric.gateway["unrecorded_count"].value_extractor == "REGEXP_EXTRACT(jsonPayload.message, \"\\\"unrecorded_count\\\": ([0-9]+)\")"
    error_message = "A gateway on an instance logs text."
  }
}

run "reads_the_figures_of_cloud_run_from_json" {
  command = plan

  variables {
    variant                      = "cloud_run"
    safety_net_subscription_name = null
  }

  assert {
    condition     = google_logging_metric.gateway["unrecorded_count"].value_extractor == "EXTRACT(jsonPayload.figures.unrecorded_count)"
    error_message = "Cloud Run parses a JSON line."
  }

  assert {
    condition     = strcontains(google_logging_metric.gateway["unrecorded_count"].filter, "service_name=\"tailnumber-gateway\"")
    error_message = "The figures are those of the gateway."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.metric["copies-behind"].conditions) == 1
    error_message = "There is no safety net to watch."
  }
}

run "links_to_the_companys_copy_of_the_runbook" {
  command = plan

  variables {
    runbook_url = "https://git.acme.example/tailnumber/docs/runbook.md"
  }

  assert {
    condition     = one(one(google_monitoring_alert_policy.metric["pipeline-lag"].documentation).links).url == "https://git.acme.example/tailnumber/docs/runbook.md#pipeline-lag"
    error_message = "The link leads elsewhere."
  }
}

run "draws_one_page" {
  command = plan

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.tailnumber.dashboard_json).mosaicLayout.tiles) == 9
    error_message = "A chart is missing."
  }
}

run "refuses_alerts_that_reach_nobody" {
  command = plan

  variables {
    notification_emails   = []
    notification_channels = []
  }

  expect_failures = [var.notification_emails]
}

run "refuses_an_address_that_is_none" {
  command = plan

  variables {
    notification_emails = ["on-call"]
  }

  expect_failures = [var.notification_emails]
}

run "refuses_datasets_without_the_texts" {
  command = plan

  variables {
    dataset_ids = { audit = "audit" }
  }

  expect_failures = [var.dataset_ids]
}

run "refuses_a_variant_that_there_is_not" {
  command = plan

  variables {
    variant = "kubernetes"
  }

  expect_failures = [var.variant]
}
