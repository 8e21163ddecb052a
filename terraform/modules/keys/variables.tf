variable "content_decrypters" {
  description = "Who may open sealed texts inside a BigQuery query: name of your choice to member. One group: the investigators."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.content_decrypters) : can(regex("^group:[^@\\s]+@[^@\\s]+$", member))])
    error_message = "content_decrypters are groups, whose members a case gets and loses, never everyone and never single people; for example {investigator = \"group:investigators@acme.example\"}."
  }
  validation {
    condition     = length(var.content_decrypters) <= 1
    error_message = "content_decrypters is one group: texts have one group of readers (docs/access.md); for example {investigator = \"group:investigators@acme.example\"}."
  }
}

variable "content_sealers" {
  description = "Service accounts that wrap and unwrap content keys: name of your choice to member. The gateway's."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for member in values(var.content_sealers) : can(regex("^serviceAccount:[^@\\s]+@[^@\\s]+$", member))])
    error_message = "content_sealers are service accounts, because a program wraps keys and no person needs to; for example {ingress = \"serviceAccount:tailnumber-ingress@acme-audit.iam.gserviceaccount.com\"}."
  }
}

variable "labels" {
  description = "Labels of every key."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Name of the key ring. It cannot be deleted, so a name is used once per project and region."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,63}$", var.name))
    error_message = "name is a key ring's: up to 63 letters, digits, _ and -, for example \"tailnumber\"."
  }
}

variable "project_id" {
  description = "Google Cloud project of the keys."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-audit\"."
  }
}

variable "project_number" {
  description = "Number of that project, part of the names of Google's service agents."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number is digits, as `gcloud projects describe` shows it, for example \"123456789012\"."
  }
}

variable "protection_level" {
  description = "Where key material lives: HSM (FIPS 140-2 level 3), or SOFTWARE for a try-out that costs less."
  type        = string
  default     = "HSM"

  validation {
    condition     = contains(["HSM", "SOFTWARE"], var.protection_level)
    error_message = "protection_level is \"HSM\" or \"SOFTWARE\"; a key that lies outside Google (EXTERNAL) needs resources that this module does not make."
  }
}

variable "region" {
  description = "Region of the keys: that of the data they encrypt."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+[0-9]+)?$", var.region))
    error_message = "region is a Cloud KMS location, the same as the data's, for example \"europe-west3\" (\"europe\" for BigQuery's EU, \"us\" for US)."
  }
  validation {
    condition     = var.region != "global"
    error_message = "region is not \"global\": BigQuery, Pub/Sub and Cloud SQL take keys of their own location alone, for example \"europe-west3\"."
  }
}

variable "rotation_days" {
  description = "Days after which a key gets a new version by itself."
  type        = number
  default     = 90

  validation {
    condition     = var.rotation_days >= 1 && var.rotation_days <= 90 && floor(var.rotation_days) == var.rotation_days
    error_message = "rotation_days is a whole number from 1 to 90, because CIS Google Cloud Foundations 1.10 and most banks ask for 90 days at most; for example 90."
  }
}
