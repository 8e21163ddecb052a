# What somebody is called for. The key of an alert is the heading of its section in docs/runbook.md;
# a test compares them.

locals {
  of_subscription = "monitored_resource=\"pubsub_subscription\", subscription_id"
  copies          = compact([var.archive_subscription_name, var.safety_net_subscription_name])
  of_job          = "{monitored_resource=\"dataflow_job\", job_name=\"${var.job_name}\"}"

  # Google's record of who did what.
  admin_log = "log_id(\"cloudaudit.googleapis.com/activity\")"
  read_log  = "log_id(\"cloudaudit.googleapis.com/data_access\")"

  # Not the log's own dataset: Cloud Logging changes its tables as their columns grow.
  guarded    = sort([for key, id in var.dataset_ids : id if key != "access_log"])
  trail      = "resource.type=\"bigquery_dataset\" AND resource.labels.dataset_id=(${join(" OR ", [for id in local.guarded : "\"${id}\""])})"
  not_keeper = "NOT protoPayload.authenticationInfo.principalEmail=\"${var.keeper_email}\""

  # Metrics: PromQL that answers while something is wrong, and for how long it must.
  metric_alerts = {
    gateway-refuses = {
      severity = "CRITICAL"
      says     = "The gateway cannot make a record durable and refuses requests with 503 audit_unavailable. Nobody's AI assistant works through it."
      for      = "0s"
      queries = {
        "a request was refused"  = "sum(increase(${local.figure_metric.unrecorded_count}_sum${local.of_gateway}[5m])) > 0"
        "a journal is unhealthy" = "sum(increase(${local.figure_metric.unhealthy_count}_sum${local.of_gateway}[5m])) > 0"
      }
    }
    gateway-not-ready = {
      severity = "CRITICAL"
      says     = "No gateway takes requests, or none writes its figures any more."
      for      = "120s"
      queries = {
        "the load balancer answers 503" = "sum(rate(loadbalancing_googleapis_com:https_internal_request_count{monitored_resource=\"internal_http_lb_rule\", forwarding_rule_name=\"${var.name}-gateway\", response_code=\"503\"}[5m])) > 0"
        "no gateway writes figures"     = "absent(increase(${local.figure_metric.request_count}_count${local.of_gateway}[5m]))"
      }
    }
    journal-behind = {
      severity = "ERROR"
      says     = "Records wait on the gateways' disks for more than five minutes: Pub/Sub does not take them. Nothing is lost; a full disk ends in refusals."
      for      = "300s"
      queries = {
        "oldest record over 5 minutes" = "max(increase(${local.figure_metric.oldest_unpublished_age_seconds}_sum${local.of_gateway}[5m]) / increase(${local.figure_metric.oldest_unpublished_age_seconds}_count${local.of_gateway}[5m])) > 300"
      }
    }
    pipeline-lag = {
      severity = "ERROR"
      says     = "Events wait in Pub/Sub for more than 15 minutes before they are in BigQuery. After 7 days they would be gone from the subscription."
      for      = "300s"
      queries = {
        "oldest event over 15 minutes" = "max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.of_subscription}=\"${var.subscription_name}\"}) > 900"
      }
    }
    pipeline-stopped = {
      severity = "CRITICAL"
      says     = "The Dataflow job failed or does not run. Events wait in Pub/Sub; nothing is lost for 7 days."
      for      = "900s"
      queries = {
        "the job failed"          = "max(dataflow_googleapis_com:job_is_failed${local.of_job}) > 0"
        "no job of the name runs" = "absent(dataflow_googleapis_com:job_current_num_vcpus${local.of_job})"
      }
    }
    dead-letters = {
      severity = "ERROR"
      says     = "The pipeline refused messages. They are kept whole for 7 days, and their reasons stand in audit.dead_letters."
      for      = "0s"
      queries = {
        "dead letters are waiting" = "max(pubsub_googleapis_com:subscription_num_undelivered_messages{${local.of_subscription}=\"${var.dead_letter_subscription_name}\"}) > 0"
      }
    }
    keeper-failed = {
      severity = "ERROR"
      says     = "The keeper's daily run failed or did not take place: rows under legal hold are not copied, or a table's expiry is not the contract's. After 14 days held rows would expire."
      for      = "0s"
      queries = {
        "a run failed"               = "sum(increase(run_googleapis_com:job_completed_execution_count{monitored_resource=\"cloud_run_job\", job_name=\"${var.name}-keeper\", result=\"failed\"}[1h])) > 0"
        "no run succeeded for a day" = "absent_over_time(run_googleapis_com:job_completed_execution_count{monitored_resource=\"cloud_run_job\", job_name=\"${var.name}-keeper\", result=\"succeeded\"}[25h])"
      }
    }
    copies-behind = {
      severity = "ERROR"
      says     = "The archive or the safety net takes no messages for an hour. After 7 days the copy would have a gap."
      for      = "600s"
      queries = {
        for subscription in local.copies :
        "oldest message of ${subscription}" => "max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.of_subscription}=\"${subscription}\"}) > 3600"
      }
    }
  }

  # Log lines: each match is one notification, at most one in the given time.
  log_alerts = {
    journal-damaged = {
      severity = "CRITICAL"
      says     = "A gateway met a damaged journal segment, or a message that Pub/Sub refuses for good. Its bytes are kept on the gateway's disk."
      period   = "900s"
      filter   = "${local.gateway.log} AND (${join(" OR ", [for words in ["journal segment damaged", "journal segment failed", "message rejected by Pub/Sub", "rejected message not kept", "orphan not read"] : "${local.gateway.message}\"${words}\""])})"
    }
    enrichment-refused = {
      severity = "WARNING"
      says     = "An enrichment file is not in its form; the pipeline goes on with the one before it."
      period   = "21600s"
      filter   = "resource.type=\"dataflow_step\" AND resource.labels.job_name=\"${var.job_name}\" AND jsonPayload.message:\"source_refused\""
    }
    retention-shortened = {
      severity = "CRITICAL"
      says     = "Somebody changed or deleted a table or dataset of the trail, or the archive bucket: its expiry may be shorter than the law allows."
      period   = "300s"
      filter = join(" OR ", [
        "(${local.admin_log} AND ${local.trail} AND (protoPayload.metadata.tableChange:* OR protoPayload.metadata.tableDeletion.reason=(\"TABLE_DELETE_REQUEST\" OR \"QUERY\") OR protoPayload.metadata.datasetChange:* OR protoPayload.metadata.datasetDeletion:*))",
        "(${local.admin_log} AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=\"${var.archive_bucket}\" AND protoPayload.methodName=(\"storage.buckets.update\" OR \"storage.buckets.patch\" OR \"storage.buckets.delete\"))",
      ])
    }
    policy-changed = {
      severity = "CRITICAL"
      says     = "Somebody changed who may read what: a policy tag, a mask, a row policy, a grant on a dataset, or whose reads are logged."
      period   = "300s"
      filter = join(" OR ", [
        "(${local.admin_log} AND protoPayload.serviceName=(\"datacatalog.googleapis.com\" OR \"bigquerydatapolicy.googleapis.com\"))",
        "(${local.admin_log} AND ${local.trail} AND (protoPayload.metadata.rowAccessPolicyCreation:* OR protoPayload.metadata.rowAccessPolicyChange:* OR protoPayload.metadata.rowAccessPolicyDeletion:* OR protoPayload.methodName:\"RowAccessPolicy\" OR protoPayload.methodName:\"SetIamPolicy\" OR protoPayload.metadata.datasetChange.bindingDeltas:*))",
        "(${local.admin_log} AND resource.type=\"project\" AND protoPayload.serviceData.policyDelta.auditConfigDeltas:*)",
      ])
    }
    rows-changed = {
      severity = "CRITICAL"
      says     = "Somebody changed or deleted rows of the trail, which only ever grows; the keeper's own work is left out."
      period   = "300s"
      filter   = "${local.read_log} AND ${local.trail} AND protoPayload.metadata.tableDataChange.reason=(\"QUERY\" OR \"JOB\") AND ${local.not_keeper}"
    }
    stream-changed = {
      severity = "CRITICAL"
      says     = "Somebody changed or deleted a topic, a subscription or the log's sink: events could be lost on their way."
      period   = "300s"
      filter = join(" OR ", [
        "(${local.admin_log} AND resource.type=(\"pubsub_topic\" OR \"pubsub_subscription\") AND protoPayload.resourceName:\"${var.name}-audit-\" AND protoPayload.methodName=~\"(Update|Delete|Modify|Detach|Seek)\")",
        "(${local.read_log} AND resource.type=\"pubsub_subscription\" AND protoPayload.resourceName:\"${var.name}-audit-\" AND protoPayload.methodName=~\"Seek\")",
        "(${local.admin_log} AND resource.type=\"logging_sink\" AND protoPayload.methodName=~\"(UpdateSink|DeleteSink)\")",
      ])
    }
    content-read = {
      severity = "WARNING"
      says     = "Somebody read the table of texts. It is right for an investigator with a case, and wrong for anybody else."
      period   = "3600s"
      filter   = "${local.read_log} AND resource.type=\"bigquery_dataset\" AND resource.labels.dataset_id=\"${var.dataset_ids["content"]}\" AND protoPayload.metadata.tableDataRead:* AND ${local.not_keeper}"
    }
    keys-erased = {
      severity = "WARNING"
      says     = "Content keys were deleted from the warehouse: somebody's texts were erased. It is right after a decided request, and cannot be undone."
      period   = "300s"
      filter   = "${local.read_log} AND resource.type=\"bigquery_dataset\" AND resource.labels.dataset_id=\"${var.dataset_ids["keys"]}\" AND protoPayload.metadata.tableDataChange.deletedRowsCount:*"
    }
    keys-destroyed = {
      severity = "CRITICAL"
      says     = "Somebody scheduled a Cloud KMS key version for destruction, disabled one or changed a key. Everything under it becomes unreadable: 30 days to restore it."
      period   = "300s"
      filter   = "${local.admin_log} AND protoPayload.serviceName=\"cloudkms.googleapis.com\" AND protoPayload.methodName=~\"(DestroyCryptoKeyVersion|UpdateCryptoKeyVersion|UpdateCryptoKey|UpdateCryptoKeyPrimaryVersion|SetIamPolicy)$\""
    }
    public-binding = {
      severity = "CRITICAL"
      says     = "Somebody granted a right to everybody on the internet."
      period   = "300s"
      filter = join(" OR ", [
        for path in [
          "protoPayload.serviceData.policyDelta.bindingDeltas.member",
          "protoPayload.metadata.datasetChange.bindingDeltas.member",
          "protoPayload.metadata.tableChange.bindingDeltas.member",
          "protoPayload.request.policy.bindings.members",
        ] : "(${local.admin_log} AND ${path}=(\"allUsers\" OR \"allAuthenticatedUsers\"))"
      ])
    }
  }

  channels = concat(values(google_monitoring_notification_channel.email)[*].id, var.notification_channels)
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.notification_emails)

  project      = var.project_id
  display_name = "${var.name}: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
}

resource "google_monitoring_alert_policy" "metric" {
  for_each = local.metric_alerts

  project               = var.project_id
  display_name          = "${var.name}: ${replace(each.key, "-", " ")}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.channels
  user_labels           = var.labels

  dynamic "conditions" {
    for_each = each.value.queries

    content {
      display_name = conditions.key

      condition_prometheus_query_language {
        query               = conditions.value
        duration            = each.value.for
        evaluation_interval = "60s"

        # In a new project many metrics are not there before the first message.
        disable_metric_validation = true
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Tailnumber: ${replace(each.key, "-", " ")}"
    content   = "${each.value.says}\n\nWhat to do: ${coalesce(var.runbook_url, "docs/runbook.md")}#${each.key}"

    dynamic "links" {
      for_each = var.runbook_url == null ? [] : ["${var.runbook_url}#${each.key}"]

      content {
        display_name = "Runbook"
        url          = links.value
      }
    }
  }

  # A metric of a log is known to Cloud Monitoring once it is there.
  depends_on = [google_logging_metric.gateway]
}

resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_alerts

  project               = var.project_id
  display_name          = "${var.name}: ${replace(each.key, "-", " ")}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = replace(each.key, "-", " ")

    condition_matched_log {
      filter = each.value.filter
    }
  }

  alert_strategy {
    auto_close = "604800s"

    notification_rate_limit {
      period = each.value.period
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Tailnumber: ${replace(each.key, "-", " ")}"
    content   = "${each.value.says}\n\nWhat to do: ${coalesce(var.runbook_url, "docs/runbook.md")}#${each.key}"

    dynamic "links" {
      for_each = var.runbook_url == null ? [] : ["${var.runbook_url}#${each.key}"]

      content {
        display_name = "Runbook"
        url          = links.value
      }
    }
  }
}
