variable "certificate" {
  description = "Certificate of the domain: full name in Certificate Manager, regional, so that its private key is in no state."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/${var.region}/certificates/[^/]+$", var.certificate))
    error_message = "certificate is the full name of a regional certificate in the module's region, for example \"projects/acme-tailnumber/locations/europe-west1/certificates/tailnumber\"."
  }
}

variable "content_key_uri" {
  description = "Key of Cloud KMS that wraps content keys (output content_key_uri of module keys)."
  type        = string

  validation {
    condition     = can(regex("^gcp-kms://projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.content_key_uri))
    error_message = "content_key_uri names a key, without a version: \"gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K\"."
  }
}

variable "control_password" {
  description = "Password of the control database, random, at least 32 characters. It counts when the database is made, and is written to no state."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.control_password) >= 32
    error_message = "control_password is too short to be a random one; make it with `openssl rand -hex 32`."
  }
}

variable "database_tier" {
  description = "Machine of the control database."
  type        = string
  default     = "db-custom-2-7680"

  validation {
    condition     = can(regex("^db-custom-[0-9]+-[0-9]+$", var.database_tier))
    error_message = "database_tier is a dedicated machine, since shared ones have no service level: \"db-custom-CPUS-MIB\", for example \"db-custom-2-7680\"."
  }
}

variable "deletion_protection" {
  description = "Whether database, secrets and service are kept from being destroyed."
  type        = bool
  default     = true
}

variable "disk_gb" {
  description = "Data disk of each instance, GB: three quarters are for records that Pub/Sub has not taken yet."
  type        = number
  default     = 100

  validation {
    condition     = var.disk_gb >= 50 && var.disk_gb <= 2000 && floor(var.disk_gb) == var.disk_gb
    error_message = "disk_gb is 50 to 2000: a full journal refuses requests, and a small disk is a slow one, for example 100."
  }
}

variable "domain" {
  description = "Name that clients reach the gateway by."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host name without scheme or path, for example \"tailnumber.acme.example\"."
  }
}

variable "image" {
  description = "The gateway's image, pinned by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[^/]+/[^/]+/[^@]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is in Artifact Registry and pinned by digest, since a tag can be moved: \"europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/ingress@sha256:…\" (64 hexadecimal digits)."
  }
}

variable "instance_count" {
  description = "Gateways of variant instances, over two zones; an update replaces one a zone at a time. Variant cloud_run starts with half."
  type        = number
  default     = 4

  validation {
    condition     = var.instance_count >= 4 && var.instance_count <= 50 && var.instance_count % 2 == 0
    error_message = "instance_count is an even number from 4 to 50: two zones with two each, so that an update or the loss of a zone leaves half serving, for example 4."
  }
}

variable "issuers" {
  description = "Who signs people in: text of the issuers file (docs/identity.md)."
  type        = string

  validation {
    condition     = can(yamldecode(var.issuers).issuers) && length(var.issuers) <= 65536
    error_message = "issuers is YAML with a list of issuers, at most 64 KiB: file(\"issuers.yaml\"). Check it with `tailnumber issuers check issuers.yaml`."
  }
}

variable "kms_key_id" {
  description = "Key for disks, database and secrets (key control of module keys)."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key_id))
    error_message = "kms_key_id is the full name of a key in the module's region: \"projects/P/locations/europe-west1/keyRings/R/cryptoKeys/K\"."
  }
}

variable "labels" {
  description = "Labels of everything that can have some."
  type        = map(string)
  default     = {}
}

variable "machine_type" {
  description = "Machine of an instance; a gateway process runs on each of its processors."
  type        = string
  default     = "n2-standard-4"

  validation {
    condition     = can(regex("^[a-z0-9]+-(standard|highcpu|highmem)-(2|4|8|16|32)$", var.machine_type))
    error_message = "machine_type is a predefined one whose name tells its processors, 2 to 32 of them, for example \"n2-standard-4\"."
  }
}

variable "name" {
  description = "Prefix of the resources' names."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is 3 to 20 of a-z, 0-9 and -, for example \"tailnumber\"."
  }
}

variable "network" {
  description = "Network: its full name. It needs private services access, for the database."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/global/networks/[^/]+$", var.network))
    error_message = "network is its full name, since a short one could be of another project: \"projects/acme-tailnumber/global/networks/tailnumber\"."
  }
}

variable "policy" {
  description = "What the gateway allows: text of the policy file (docs/policy.md). Each secret/NAME in it becomes a secret, to be filled by hand."
  type        = string

  validation {
    condition     = can(yamldecode(var.policy).rules[0].id) && length(var.policy) <= 65536
    error_message = "policy is YAML with rules, at most 64 KiB: file(\"policy.yaml\"). Check it with `tailnumber policy check policy.yaml`."
  }

  validation {
    condition     = try(alltrue([for file in yamldecode(var.policy).masking.rules : file == "builtin"]), true)
    error_message = "masking.rules names a file, which does not reach the gateways this way; use [builtin] and the section masking.allow."
  }
}

variable "project_id" {
  description = "Google Cloud project."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-tailnumber\"."
  }
}

variable "proxy_range" {
  description = "Addresses of the network's proxy-only subnetwork in the region, from which the load balancer speaks to the gateways."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.proxy_range)) && !startswith(var.proxy_range, "0.0.0.0")
    error_message = "proxy_range is the range of the proxy-only subnetwork, for example \"10.64.1.0/24\"."
  }
}

variable "region" {
  description = "Region of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is one region, not a zone, for example \"europe-west1\"."
  }
}

variable "service_accounts" {
  description = "Mail addresses of the accounts that gateway, keeper and scheduler run as (module identity)."
  type = object({
    ingress   = string
    keeper    = string
    scheduler = string
  })

  validation {
    condition     = length(distinct(values(var.service_accounts))) == 3
    error_message = "The three accounts differ, so that the gateway cannot read what the keeper may, for example {ingress = \"tailnumber-ingress@acme-tailnumber.iam.gserviceaccount.com\", …}."
  }
}

variable "subnetwork" {
  description = "Subnetwork of the gateways: its full name."
  type        = string

  validation {
    condition     = can(regex("^projects/[^/]+/regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "subnetwork is its full name, since a short one could be of another project: \"projects/acme-tailnumber/regions/europe-west1/subnetworks/tailnumber-gateways\"."
  }
}

variable "tenant" {
  description = "Name of the tenant in every record."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,62}$", var.tenant))
    error_message = "tenant is 2 to 63 of a-z, 0-9 and -, for example \"acme\"."
  }
}

variable "tools_image" {
  description = "The image of the command line `tailnumber`, pinned by digest: migrates the control database, keeps what holds keep."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[^/]+/[^/]+/[^@]+@sha256:[0-9a-f]{64}$", var.tools_image))
    error_message = "tools_image is in Artifact Registry and pinned by digest: \"europe-west1-docker.pkg.dev/acme-tailnumber/tailnumber/tools@sha256:…\" (64 hexadecimal digits)."
  }
}

variable "topic" {
  description = "Short name of the Pub/Sub topic that events go to (output topic_name of module stream)."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", var.topic))
    error_message = "topic is the topic's short name, not its path, for example \"tailnumber-audit-events\"."
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
