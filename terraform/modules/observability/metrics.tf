# The gateway's figures as metrics. It writes a log line of numbers once a minute; nothing asks it
# for /metrics on Google Cloud, where one address stands for many processes.

locals {
  # A container on an instance writes text; on Cloud Run the text is parsed.
  gateway = {
    instances = {
      resource = "gce_instance"
      log      = "resource.type=\"gce_instance\" AND log_id(\"cos_containers\") AND jsonPayload.message:\"\\\"logger\\\": \\\"ingress\""
      figures  = "jsonPayload.message:\"\\\"message\\\": \\\"figures\\\"\""
      message  = "jsonPayload.message:"
      value    = "REGEXP_EXTRACT(jsonPayload.message, \"\\\"%s\\\": ([0-9]+)\")"
    }
    cloud_run = {
      resource = "cloud_run_revision"
      log      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}-gateway\" AND jsonPayload.logger=~\"^ingress\""
      figures  = "jsonPayload.message=\"figures\""
      message  = "jsonPayload.message:"
      value    = "EXTRACT(jsonPayload.figures.%s)"
    }
  }[var.variant]

  figures = {
    request_count                  = { unit = "1", description = "Requests since the line before." }
    refusal_count                  = { unit = "1", description = "Requests refused since the line before, whatever the reason." }
    unrecorded_count               = { unit = "1", description = "Requests refused since the line before because no record could be made durable." }
    unhealthy_count                = { unit = "1", description = "1: the journal takes no records, requests are refused; 0: it does." }
    unacknowledged_count           = { unit = "1", description = "Records that Pub/Sub has not taken yet." }
    oldest_unpublished_age_seconds = { unit = "s", description = "Age of the oldest of them." }
    journal_bytes                  = { unit = "By", description = "Size of the journal on disk." }
  }

  # Their names in PromQL, and the label that tells one kind of resource from another.
  figure_metric = {
    for figure in keys(local.figures) :
    figure => "logging_googleapis_com:user_${replace(var.name, "-", "_")}_gateway_${figure}"
  }
  of_gateway = "{monitored_resource=\"${local.gateway.resource}\"}"
}

resource "google_logging_metric" "gateway" {
  for_each = local.figures

  project         = var.project_id
  name            = "${replace(var.name, "-", "_")}_gateway_${each.key}"
  description     = each.value.description
  filter          = "${local.gateway.log} AND ${local.gateway.figures}"
  value_extractor = format(local.gateway.value, each.key)

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = each.value.unit
    display_name = "Gateway: ${replace(each.key, "_", " ")}"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 40
      growth_factor      = 2
      scale              = 1
    }
  }
}
