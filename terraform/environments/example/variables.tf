variable "certificate" {
  description = "Certificate of the domain in Certificate Manager, in the region: made beforehand, so that its private key is in no state (README, step 3)."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/${var.region}/certificates/[^/]+$", var.certificate))
    error_message = "certificate is the full name of a regional certificate in the same region, for example \"projects/acme-tailnumber/locations/europe-west1/certificates/tailnumber\"."
  }
}

variable "control_password" {
  description = "Password of the control database: at least 32 characters, new at each apply, for example `export TF_VAR_control_password=\"$(openssl rand -hex 32)\"`. It counts at the first apply alone and is written to no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.control_password) >= 32
    error_message = "control_password is too short to be a random one: run `export TF_VAR_control_password=\"$(openssl rand -hex 32)\"`."
  }
}

variable "deletion_protection" {
  description = "Whether data is kept from being destroyed, and the archive bucket locked, which cannot be undone. false is for a trial whose data nobody needs."
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
    condition     = contains(keys(var.groups), "admin") && length(setsubtract(keys(var.groups), ["admin", "analyst", "auditor", "investigator", "manager", "security"])) == 0
    error_message = "groups has admin and may have analyst, auditor, investigator, manager and security (docs/access.md), for example {admin = \"tailnumber-admins@acme.example\", auditor = \"internal-audit@acme.example\"}."
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
  description = "What runs: gateway and tools image, each pinned by digest, and the Flex Template's specification in a bucket."
  type = object({
    ingress           = string
    tools             = string
    pipeline_template = string
  })

  validation {
    condition     = alltrue([for image in [var.images.ingress, var.images.tools] : can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[^/]+/[^/]+/[^@]+@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image is pinned by digest, since a tag can be moved: \"europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/ingress@sha256:…\" (64 hexadecimal digits)."
  }

  validation {
    condition     = can(regex("^gs://[^/]+/.+\\.json$", var.images.pipeline_template))
    error_message = "images.pipeline_template is the template's specification, for example \"gs://acme-tailnumber-templates/tailnumber/pipeline.json\"."
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
