variable "access_log" {
  description = "Whether to keep BigQuery's log of who read or changed the trail in a dataset of its own. False where a sink of the organization keeps it already."
  type        = bool
  default     = true
}

variable "custom_role_ids" {
  description = "Custom roles of the contract, name to full id: output custom_role_ids of the identity module."
  type        = map(string)

  validation {
    condition     = length(setsubtract(toset(keys(local.access.custom_roles)), toset(keys(var.custom_role_ids)))) == 0
    error_message = "custom_role_ids has every custom role of access.json (${join(", ", keys(local.access.custom_roles))}), for example {tailnumberLoader = \"projects/acme-audit/roles/tailnumberLoader\", …}: pass the identity module's output."
  }
}

variable "deletion_protection" {
  description = "Whether terraform refuses to destroy or replace tables. False only to take a try-out down."
  type        = bool
  default     = true
}

variable "departments" {
  description = "Departments, as the pipeline's directory file writes them, to the group of each one's managers, who see its rows alone."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(distinct([for each in keys(var.departments) : replace(lower(each), "/[^a-z0-9]/", "_")])) == length(var.departments)
    error_message = "departments differ in more than capitals and punctuation, because row policies are named after them; for example {payments = \"group:payments-leads@acme.example\"}."
  }
  validation {
    condition     = alltrue([for each in keys(var.departments) : can(regex("^[^\\\\\\s'\"`][^\\\\'\"`]{0,127}$", each))])
    error_message = "departments are 1 to 128 characters without quotes and backslashes, because they stand in a filter; for example {payments = \"group:payments-leads@acme.example\"}."
  }
  validation {
    condition     = alltrue([for member in values(var.departments) : can(regex("^group:[^@\\s]+@[^@\\s]+$", member))])
    error_message = "departments have groups of managers, never everyone and never a single person; for example {payments = \"group:payments-leads@acme.example\"}."
  }
  validation {
    condition     = length(distinct(concat(values(var.departments), values(var.readers)))) == length(var.departments) + length(distinct(values(var.readers)))
    error_message = "departments have a group each, which has no other role: its members would see another department's rows, or more than managers do; for example {payments = \"group:payments-leads@acme.example\", risk = \"group:risk-leads@acme.example\"}."
  }
  # Source: BigQuery quotas, "Row-level security": row access policies per table.
  validation {
    condition     = length(var.tenants) * (1 + length(var.departments)) <= 398
    error_message = "departments times tenants is too much for BigQuery, which takes 400 row policies a table; give departments only where managers ask, for example {payments = \"group:payments-leads@acme.example\"}, or split tenants over projects."
  }
}

variable "keeper_member" {
  description = "Service account that runs `tailnumber retain`: copies what holds keep, finishes erasures."
  type        = string

  validation {
    condition     = can(regex("^serviceAccount:[^@\\s]+@[^@\\s]+$", var.keeper_member))
    error_message = "keeper_member is one service account, for example \"serviceAccount:tailnumber-keeper@acme-audit.iam.gserviceaccount.com\"."
  }
}

variable "kms_key_ids" {
  description = "Cloud KMS keys per class of dataset: output key_ids of the keys module."
  type = object({
    audit        = string
    content      = string
    subject_keys = string
  })

  validation {
    condition     = alltrue([for id in values(var.kms_key_ids) : can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", id))])
    error_message = "kms_key_ids are full ids of keys, for example {audit = \"projects/acme-audit/locations/europe-west3/keyRings/tailnumber/cryptoKeys/audit\", …}."
  }
  validation {
    condition     = length(distinct(values(var.kms_key_ids))) == 3
    error_message = "kms_key_ids are three different keys: a right on the key of one class of data must open no other; pass the keys module's key_ids."
  }
}

variable "labels" {
  description = "Labels of every dataset and table."
  type        = map(string)
  default     = {}
}

variable "loader_member" {
  description = "Service account of the Dataflow workers, which appends rows."
  type        = string

  validation {
    condition     = can(regex("^serviceAccount:[^@\\s]+@[^@\\s]+$", var.loader_member))
    error_message = "loader_member is one service account, for example \"serviceAccount:tailnumber-loader@acme-audit.iam.gserviceaccount.com\"."
  }
}

variable "location" {
  description = "Where the data lies: a region, the same as the keys'. It can never be changed."
  type        = string

  validation {
    condition     = can(regex("^([a-z]+-[a-z]+[0-9]+|EU|US)$", var.location))
    error_message = "location is a region such as \"europe-west3\", or \"EU\" or \"US\"; choose with care: a dataset cannot be moved."
  }
}

variable "name" {
  description = "Prefix of the log sink's name. Datasets have the contract's names, because shipped queries name them: one warehouse a project."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,40}$", var.name))
    error_message = "name is up to 41 of a-z, 0-9 and -, beginning with a letter, for example \"tailnumber\"."
  }
}

variable "project_id" {
  description = "Google Cloud project of the warehouse."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-audit\"."
  }
}

variable "project_number" {
  description = "Number of that project, part of the name of Pub/Sub's service agent."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number is digits, as `gcloud projects describe` shows it, for example \"123456789012\"."
  }
}

variable "readers" {
  description = "Who has each role of docs/access.md: role to one group (looker: one service account). admin must be there; a role that is left out is granted to nobody."
  type        = map(string)

  validation {
    condition     = contains(keys(var.readers), "admin")
    error_message = "readers names the group of admins, because a dataset needs an owner; for example {admin = \"group:audit-admins@acme.example\", …}."
  }
  validation {
    condition     = alltrue([for role in keys(var.readers) : contains(local.reader_roles, role)])
    error_message = "readers has roles of docs/access.md (${join(", ", local.reader_roles)}), for example {auditor = \"group:auditors@acme.example\"}; loader, keeper and the managers of departments are variables of their own."
  }
  validation {
    condition     = alltrue([for role, member in var.readers : can(regex("^${try(local.access.roles[role].member, "")}:[^@\\s]+@[^@\\s]+$", member))])
    error_message = "readers are groups (\"group:auditors@acme.example\") and, for looker, a service account (\"serviceAccount:…\"): never allUsers, allAuthenticatedUsers, a domain or a single person, because people come and go and a group says why somebody is in it."
  }
  validation {
    condition     = length(distinct(values(var.readers))) == length(var.readers)
    error_message = "readers has a group of its own for each role: two roles of one group give its members the rights of both, and texts have one group of readers (docs/access.md)."
  }
}

variable "retention_days" {
  description = "Days to keep rows, by class of data, where they differ from the contract's (docs/retention.md). `tailnumber retain` goes on reporting the difference."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for class in keys(var.retention_days) : contains(keys(local.retention), class)])
    error_message = "retention_days has classes of data (${join(", ", keys(local.retention))}), for example {content = 365}."
  }
  validation {
    condition = alltrue([
      for class, days in var.retention_days :
      days >= try(local.retention[class].floor_days, days) && days <= try(local.retention[class].ceiling_days, days) && floor(days) == days
    ])
    error_message = "retention_days lie between floor and ceiling: ${join("; ", [for class, each in local.retention : "${class} ${each.floor_days} to ${each.ceiling_days} (${each.basis})"])}. For example {content = 365}."
  }
}

variable "tenants" {
  description = "Tenants that gateways name (TAILNUMBER_TENANT_ID). Readers see rows of these alone."
  type        = list(string)

  validation {
    condition     = length(var.tenants) > 0 && alltrue([for each in var.tenants : can(regex("^[^\\\\\\s'\"`][^\\\\'\"`]{0,127}$", each))])
    error_message = "tenants has at least one, of 1 to 128 characters without quotes and backslashes, because each stands in a filter; for example [\"acme\"]."
  }
  validation {
    condition     = length(distinct([for each in var.tenants : replace(lower(each), "/[^a-z0-9]/", "_")])) == length(var.tenants)
    error_message = "tenants differ in more than capitals and punctuation, because row policies are named after them; for example [\"acme\", \"acme_japan\"]."
  }
}
