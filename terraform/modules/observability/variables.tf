variable "archive_bucket" {
  description = "Name of the archive bucket: output archive_bucket of the stream module."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.archive_bucket))
    error_message = "archive_bucket is a bucket's name without gs://, for example acme-audit-tailnumber-archive."
  }
}

variable "archive_subscription_name" {
  description = "Subscription that fills the archive: output archive_subscription_name of the stream module."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.archive_subscription_name))
    error_message = "archive_subscription_name is a subscription's short name, for example tailnumber-audit-events-archive."
  }
}

variable "dataset_ids" {
  description = "Datasets of the trail by what they hold: output dataset_ids of the warehouse module."
  type        = map(string)

  validation {
    condition     = alltrue([for name in ["audit", "content", "integrity", "keys"] : contains(keys(var.dataset_ids), name)])
    error_message = "dataset_ids names at least the datasets audit, content, integrity and keys, for example {audit = \"audit\", content = \"content\", integrity = \"integrity\", keys = \"keys\"}."
  }
}

variable "dead_letter_subscription_name" {
  description = "Subscription that holds dead letters: output dead_letter_subscription_name of the stream module."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.dead_letter_subscription_name))
    error_message = "dead_letter_subscription_name is a subscription's short name, for example tailnumber-audit-dead-letters."
  }
}

variable "job_name" {
  description = "Name of the Dataflow job: output job_name of the pipeline module."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", var.job_name))
    error_message = "job_name is a Dataflow job's name, for example tailnumber-pipeline."
  }
}

variable "keeper_email" {
  description = "Mail address of the account that runs `tailnumber retain`, holds and erasures: it copies and deletes as part of its work, and is alerted of only where it erases keys."
  type        = string

  validation {
    condition     = can(regex("^[^@]+@[^@]+[.]iam[.]gserviceaccount[.]com$", var.keeper_email))
    error_message = "keeper_email is a service account's mail address, for example tailnumber-keeper@acme-audit.iam.gserviceaccount.com."
  }
}

variable "labels" {
  description = "Labels of the alert policies."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Prefix of the names of all resources, and of the gateway's."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name starts with a letter and has 2 to 21 lower-case letters, digits and hyphens, for example tailnumber."
  }
}

variable "notification_channels" {
  description = "Ids of notification channels that exist already (PagerDuty, Slack, a webhook), which every alert goes to."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", id))])
    error_message = "A notification channel is named by its id, for example projects/acme-audit/notificationChannels/1234567890."
  }
}

variable "notification_emails" {
  description = "Mail addresses that every alert goes to; a group's is best."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", address))])
    error_message = "notification_emails are mail addresses, for example [\"tailnumber-on-call@acme.example\"]."
  }

  validation {
    condition     = length(var.notification_emails) + length(var.notification_channels) > 0
    error_message = "An alert that reaches nobody is none: name a mail address in notification_emails (for example \"tailnumber-on-call@acme.example\") or a channel in notification_channels."
  }
}

variable "project_id" {
  description = "Project that is watched."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a Google Cloud project's id, for example acme-audit."
  }
}

variable "runbook_url" {
  description = "Where your people open docs/runbook.md; each alert links to its section there. Null: alerts name the file."
  type        = string
  default     = null

  validation {
    condition     = var.runbook_url == null || can(regex("^https://[^#]+$", var.runbook_url))
    error_message = "runbook_url is an https address without a fragment, for example https://git.acme.example/tailnumber/docs/runbook.md."
  }
}

variable "safety_net_subscription_name" {
  description = "Subscription that fills the safety net: output safety_net_subscription_name of the stream module; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.safety_net_subscription_name == null || can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.safety_net_subscription_name))
    error_message = "safety_net_subscription_name is a subscription's short name, for example tailnumber-audit-events-safety-net."
  }
}

variable "subscription_name" {
  description = "Subscription that the pipeline reads: output subscription_name of the stream module."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.subscription_name))
    error_message = "subscription_name is a subscription's short name, for example tailnumber-audit-events-pipeline."
  }
}

variable "topic_name" {
  description = "Topic of events: output topic_name of the stream module."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.topic_name))
    error_message = "topic_name is a topic's short name, for example tailnumber-audit-events."
  }
}

variable "variant" {
  description = "How the gateway runs, as in the ingress module: its log has another form on each."
  type        = string
  default     = "instances"

  validation {
    condition     = contains(["instances", "cloud_run"], var.variant)
    error_message = "variant is \"instances\" or \"cloud_run\", as in the ingress module, for example \"instances\"."
  }
}
