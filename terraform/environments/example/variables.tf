variable "archive_locked" {
  description = "Whether the archive bucket's retention of six years is locked, which nobody can undo, Google neither. Apply with false, look at the bucket, then set true."
  type        = bool
  default     = false
}

variable "certificate" {
  description = "Certificate of the domain in Certificate Manager, in the region: made beforehand, so that its private key is in no state (docs/deploy.md, step 3)."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/${var.region}/certificates/[^/]+$", var.certificate))
    error_message = "certificate is the full name of a regional certificate in the same region, for example \"projects/acme-tailnumber/locations/europe-west1/certificates/tailnumber\"."
  }
}

variable "control_password" {
  description = "Password of the control database: at least 32 characters, for example `export TF_VAR_control_password=\"$(openssl rand -hex 32)\"`. It counts until the first apply is through (repeat that one with the same), not after, and is written to no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.control_password) >= 32
    error_message = "control_password is too short to be a random one: run `export TF_VAR_control_password=\"$(openssl rand -hex 32)\"`."
  }
}

variable "deletion_protection" {
  description = "Whether terraform refuses to destroy what holds data. false is for a trial that is to be taken down."
  type        = bool
  default     = true
}

variable "domain" {
  description = "Name that clients reach the gateway by; the company's DNS points it to the output `address`."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host name without scheme or path, for example \"tailnumber.acme.example\"."
  }
}

variable "groups" {
  description = "Who may read what: role of docs/access.md to the mail address of its group. admin is required; a role that is left out reads nothing."
  type        = map(string)

  validation {
    condition     = contains(keys(var.groups), "admin") && length(setsubtract(keys(var.groups), ["admin", "analyst", "auditor", "investigator", "security"])) == 0
    error_message = "groups has admin and may have analyst, auditor, investigator and security (docs/access.md), for example {admin = \"tailnumber-admins@acme.example\", auditor = \"internal-audit@acme.example\"}."
  }

  validation {
    condition     = alltrue([for mail in values(var.groups) : can(regex("^[^@:\\s]+@[^@:\\s]+\\.[^@:\\s]+$", mail))])
    error_message = "A group is its mail address without a prefix, for example \"internal-audit@acme.example\"; nothing is ever granted to allUsers or a whole domain."
  }

  validation {
    condition     = length(distinct(values(var.groups))) == length(var.groups)
    error_message = "Two roles have the same group, which would give each the rights of the other; make one group per role."
  }
}

variable "images" {
  description = "What runs, each by digest: the targets ingress, dataflow (pipeline) and tools of the Dockerfile."
  type = object({
    ingress  = string
    pipeline = string
    tools    = string
  })

  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[^/]+/[^/]+/[^@]+@sha256:[0-9a-f]{64}$", image))])
    error_message = "images are in Artifact Registry and pinned by digest, since a tag can be moved: \"europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/ingress@sha256:…\" (64 hexadecimal digits; docs/deploy.md, step 2)."
  }
}

variable "issuers_file" {
  description = "Who signs people in: path of the issuers file (docs/identity.md)."
  type        = string
  default     = "issuers.yaml"

  validation {
    condition     = can(yamldecode(file(var.issuers_file)))
    error_message = "issuers_file is not there or no YAML; write it as docs/identity.md says and check it with `tailnumber issuers check FILE`, for example \"issuers.yaml\"."
  }
}

variable "notification_emails" {
  description = "Who is told when an alert fires."
  type        = list(string)

  validation {
    condition     = length(var.notification_emails) > 0 && alltrue([for mail in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", mail))])
    error_message = "An alert that reaches nobody is none: give at least one mail address, for example [\"tailnumber-oncall@acme.example\"]."
  }
}

variable "perimeter" {
  description = "VPC Service Controls and organization policies (module perimeter): the access policy's number, the company's public addresses, who deploys from elsewhere; null: none. It begins as a dry run."
  type = object({
    access_policy  = string
    company_ranges = list(string)
    deployers      = optional(list(string), [])
    dry_run        = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.perimeter == null || try(length(var.perimeter.company_ranges) > 0, false)
    error_message = "perimeter has the addresses that people come from, or it locks everybody out, for example {access_policy = \"987654321098\", company_ranges = [\"203.0.113.0/24\"]}."
  }
}

variable "policy_file" {
  description = "What the gateway allows: path of the policy file (docs/policy.md)."
  type        = string
  default     = "policy.yaml"

  validation {
    condition     = can(yamldecode(file(var.policy_file)).rules)
    error_message = "policy_file is not there or no policy; write it as docs/policy.md says and check it with `tailnumber policy check FILE`, for example \"policy.yaml\"."
  }
}

variable "project_id" {
  description = "Google Cloud project, with billing, that everything is made in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-tailnumber\"."
  }
}

variable "region" {
  description = "Region of everything, texts included: keys and data never leave it."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is one region, since a multi-region or a zone cannot hold keys and disks alike, for example \"europe-west1\"."
  }
}

variable "tenant" {
  description = "Name of the tenant in every record; it cannot be changed later without starting a new trail."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.tenant))
    error_message = "tenant is 2 to 63 of a-z, 0-9 and -, for example \"acme\"."
  }
}

variable "variant" {
  description = "How gateways run: `instances`, machines with a disk, for strict recording; or `cloud_run`, for policies that are content with assurance bracket."
  type        = string
  default     = "instances"

  validation {
    condition     = contains(["instances", "cloud_run"], var.variant)
    error_message = "variant is \"instances\" (a record is durable on a disk) or \"cloud_run\" (it is durable when Pub/Sub has taken it)."
  }
}
