variable "archive" {
  description = "How long the archive bucket keeps each object, and whether that is locked. Locking cannot be undone, not by Google either: apply with false first, look at the bucket, then set true."
  type = object({
    retention_days = optional(number, 2192)
    locked         = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.archive.retention_days >= 183 && var.archive.retention_days <= 3660 && floor(var.archive.retention_days) == var.archive.retention_days
    error_message = "archive.retention_days is a whole number from 183 (EU AI Act art. 26(6): six months) to 3660 (the longest that any table is kept), for example 2192 (HIPAA: six years)."
  }
}

variable "archive_kms_key_id" {
  description = "Cloud KMS key that encrypts the archive bucket: output key_ids[\"archive\"] of the keys module."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.archive_kms_key_id))
    error_message = "archive_kms_key_id is a key's full id, for example projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/archive."
  }
}

variable "deletion_protection" {
  description = "Whether terraform refuses to empty and delete the archive bucket. Topics and subscriptions that hold messages are protected always."
  type        = bool
  default     = true
}

variable "enforce_in_transit" {
  description = "Whether Pub/Sub also refuses messages that reach it in another region. Set false only where a gateway outside Google Cloud publishes by the global endpoint."
  type        = bool
  default     = true
}

variable "enforce_schema" {
  description = "Whether the topic refuses messages that are not as the schema says. The pipeline checks more than that in any case; with true, terraform must be applied before a newer gateway starts, or its new events are refused."
  type        = bool
  default     = false
}

variable "kms_key_id" {
  description = "Cloud KMS key that encrypts the topics: output key_ids[\"stream\"] of the keys module."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_id))
    error_message = "kms_key_id is a key's full id, for example projects/acme-audit/locations/europe-west1/keyRings/tailnumber/cryptoKeys/stream."
  }
}

variable "labels" {
  description = "Labels of everything that takes labels."
  type        = map(string)
  default     = {}
}

variable "max_delivery_attempts" {
  description = "Deliveries to the pipeline without an acknowledgement after which Pub/Sub itself sets a message aside as a dead letter."
  type        = number
  default     = 100

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100
    error_message = "max_delivery_attempts is what Pub/Sub allows, from 5 to 100, for example 100: Dataflow gives messages back when it moves work between workers, and each of these counts."
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
  description = "Project of the topics and the archive."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a Google Cloud project's id, for example acme-audit."
  }
}

variable "project_number" {
  description = "Number of the project: names the Pub/Sub service agent, which writes dead letters, archive and safety net."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number has digits only, for example 123456789012 (gcloud projects describe PROJECT --format='value(projectNumber)')."
  }
}

variable "publishers" {
  description = "Who publishes events: a name of your choice -> member. The gateway's service account, nobody else."
  type        = map(string)

  validation {
    condition     = alltrue([for member in values(var.publishers) : can(regex("^(serviceAccount|principal|principalSet):", member))])
    error_message = "publishers are workloads, never people or the public, for example {ingress = \"serviceAccount:tailnumber-ingress@acme-audit.iam.gserviceaccount.com\"}."
  }
}

variable "region" {
  description = "The one region in which messages and the archive may lie."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a Google Cloud region, for example europe-west1."
  }
}

variable "safety_net_table" {
  description = "Table PROJECT.DATASET.TABLE that takes every message as it was published, beside the pipeline: output safety_net_table of the warehouse module; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.safety_net_table == null || can(regex("^[^.:/]+[.][^.:/]+[.][^.:/]+$", var.safety_net_table))
    error_message = "safety_net_table is PROJECT.DATASET.TABLE, for example acme-audit.integrity.messages_v1."
  }
}

variable "subscribers" {
  description = "Who takes events out and sets dead letters aside: a name of your choice -> member. The loader's service account, nobody else."
  type        = map(string)

  validation {
    condition     = alltrue([for member in values(var.subscribers) : can(regex("^(serviceAccount|principal|principalSet):", member))])
    error_message = "subscribers are workloads, never people or the public, for example {loader = \"serviceAccount:tailnumber-loader@acme-audit.iam.gserviceaccount.com\"}."
  }
}
