variable "dead_letter_topic_id" {
  description = "Topic that takes refused messages whole: output dead_letter_topic_id of the stream module."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/topics/[^/]+$", var.dead_letter_topic_id))
    error_message = "dead_letter_topic_id is a topic's full name, for example projects/acme-audit/topics/tailnumber-audit-dead-letters."
  }
}

variable "deletion_protection" {
  description = "Whether terraform refuses to empty and delete the staging bucket. Nothing of the trail lies in it."
  type        = bool
  default     = true
}

variable "enrichment" {
  description = "Files that the pipeline adds facts from (docs/enrichment.md), each gs://BUCKET/PATH; those left out add nothing. Their bucket belongs to whoever fills them: the loader only reads it."
  type = object({
    directory    = optional(string)
    repositories = optional(string)
    prices       = optional(string)
    countries    = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for place in values(var.enrichment) : place == null || can(regex("^gs://[^/]+/.+$", place))])
    error_message = "An enrichment file is gs://BUCKET/PATH, for example {directory = \"gs://acme-audit-enrichment/directory.csv\"}."
  }
}

variable "image" {
  description = "Container image of the pipeline (target dataflow of the Dockerfile: launcher and worker in one) in Artifact Registry, by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+-docker[.]pkg[.]dev/[^/]+/[^/]+/.+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is one of Artifact Registry, named by its digest, so that what runs is what was reviewed, for example europe-west1-docker.pkg.dev/acme-audit/tailnumber/dataflow@sha256:… (64 hexadecimal digits)."
  }
}

variable "kms_key_id" {
  description = "Cloud KMS key that encrypts the job's state and the staging bucket: output key_ids[\"stream\"] of the keys module."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_id))
    error_message = "kms_key_id is a key's full id, for example projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/stream."
  }
}

variable "labels" {
  description = "Labels of the job and the bucket."
  type        = map(string)
  default     = {}
}

variable "machine_type" {
  description = "Machine of a worker. A change updates the running job."
  type        = string
  default     = "n2d-standard-2"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*-[a-z0-9-]+$", var.machine_type))
    error_message = "machine_type is a machine type of Compute Engine, for example n2d-standard-2."
  }
}

variable "max_workers" {
  description = "Most workers that the job may have at a time. A change drains the job and starts another: messages wait in Pub/Sub meanwhile."
  type        = number
  default     = 4

  validation {
    condition     = var.max_workers >= 1 && var.max_workers <= 100 && floor(var.max_workers) == var.max_workers
    error_message = "max_workers is a whole number from 1 to 100, for example 4."
  }
}

variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "name starts with a letter and has 2 to 21 lower-case letters, digits and hyphens, for example tailnumber."
  }
}

variable "project_id" {
  description = "Project of the job."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a Google Cloud project's id, for example acme-audit."
  }
}

variable "region" {
  description = "Region of the job, its workers and the staging bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a Google Cloud region, for example europe-west1."
  }
}

variable "service_account" {
  description = "Mail address of the account that workers run as, the loader: it inserts rows and reads none."
  type        = string

  validation {
    condition     = can(regex("^[^@]+@[^@]+[.]iam[.]gserviceaccount[.]com$", var.service_account))
    error_message = "service_account is the mail address of a service account of its own, not Compute Engine's default, for example tailnumber-loader@acme-audit.iam.gserviceaccount.com."
  }
}

variable "subnetwork" {
  description = "Subnetwork of the workers, which have no public address: it needs Private Google Access."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "subnetwork is a subnetwork's id, for example projects/acme-audit/regions/europe-west1/subnetworks/tailnumber."
  }
}

variable "subscription_id" {
  description = "Subscription to read: output subscription_id of the stream module."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/subscriptions/[^/]+$", var.subscription_id))
    error_message = "subscription_id is a subscription's full name, for example projects/acme-audit/subscriptions/tailnumber-audit-events-pipeline."
  }
}
