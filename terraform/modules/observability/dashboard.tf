# One page, from what is asked first on a bad day to what is asked once a month.

locals {
  # The job's own counters are gauges that grow; an update of the job begins anew.
  rows_of = {
    for table in ["audit.events_v1", "audit.findings_v1", "audit.access_denials_v1"] :
    table => "sum(clamp_min(delta(dataflow_googleapis_com:job_user_counter{monitored_resource=\"dataflow_job\", job_name=\"${var.job_name}\", metric_name=\"${table}.row.count\"}[5m]), 0)) / 300"
  }

  charts = [
    {
      title = "Requests refused because they could not be recorded (should be none)"
      lines = { "refused" = "sum(increase(${local.figure_metric.unrecorded_count}_sum${local.of_gateway}[5m]))" }
    },
    {
      title = "Requests and refusals per minute"
      lines = {
        "requests" = "sum(rate(${local.figure_metric.request_count}_sum${local.of_gateway}[5m])) * 60"
        "refusals" = "sum(rate(${local.figure_metric.refusal_count}_sum${local.of_gateway}[5m])) * 60"
      }
    },
    {
      title = "Answers of the load balancer per second, by code"
      lines = { "by code" = "sum by (response_code_class) (rate(loadbalancing_googleapis_com:https_internal_request_count{monitored_resource=\"internal_http_lb_rule\", forwarding_rule_name=\"${var.name}-gateway\"}[5m]))" }
    },
    {
      title = "Journal: records that Pub/Sub has not taken, and the oldest's age in seconds"
      lines = {
        for label, figure in { "records" = "unacknowledged_count", "age" = "oldest_unpublished_age_seconds" } :
        label => "max(increase(${local.figure_metric[figure]}_sum${local.of_gateway}[5m]) / increase(${local.figure_metric[figure]}_count${local.of_gateway}[5m]))"
      }
    },
    {
      title = "Lag: age of the oldest message not yet taken, seconds"
      lines = {
        for subscription in concat([var.subscription_name], local.copies) :
        subscription => "max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.of_subscription}=\"${subscription}\"})"
      }
    },
    {
      title = "Dead letters waiting"
      lines = { "dead letters" = "max(pubsub_googleapis_com:subscription_num_undelivered_messages{${local.of_subscription}=\"${var.dead_letter_subscription_name}\"})" }
    },
    {
      title = "Messages published, and events loaded, per second"
      lines = {
        "published" = "sum(rate(pubsub_googleapis_com:topic_send_message_operation_count{monitored_resource=\"pubsub_topic\", topic_id=\"${var.topic_name}\"}[5m]))"
        "loaded"    = local.rows_of["audit.events_v1"]
      }
    },
    {
      title = "Secrets found and callers not let in, per minute"
      lines = {
        "findings" = "${local.rows_of["audit.findings_v1"]} * 60"
        "denials"  = "${local.rows_of["audit.access_denials_v1"]} * 60"
      }
    },
    {
      title = "Cost of Dataflow: CPUs in use, and GiB through Streaming Engine per hour"
      lines = {
        "CPUs"         = "sum(dataflow_googleapis_com:job_current_num_vcpus${local.of_job})"
        "GiB per hour" = "sum(clamp_min(delta(dataflow_googleapis_com:job_total_streaming_data_processed${local.of_job}[1h]), 0)) / 1073741824"
      }
    },
  ]
}

resource "google_monitoring_dashboard" "tailnumber" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName = "Tailnumber (${var.name})"
    labels      = { tailnumber = "" }
    mosaicLayout = {
      columns = 48
      tiles = [
        for index, chart in local.charts : {
          xPos   = (index % 2) * 24
          yPos   = floor(index / 2) * 14
          width  = 24
          height = 14
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [
                for label, query in chart.lines : {
                  plotType       = "LINE"
                  legendTemplate = label
                  timeSeriesQuery = {
                    prometheusQuery = query
                  }
                }
              ]
              yAxis = { scale = "LINEAR" }
            }
          }
        }
      ]
    }
  })
}
