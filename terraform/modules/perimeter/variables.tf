variable "access_policy" {
  description = "Number of the organization's access policy (`gcloud access-context-manager policies list --organization=…`)."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.access_policy))
    error_message = "access_policy is the policy's number alone, for example \"987654321098\"."
  }
}

variable "company_ranges" {
  description = "Public addresses that the company's people and tools come from; from nowhere else are the services reached by people."
  type        = list(string)

  validation {
    condition     = length(var.company_ranges) > 0 && alltrue([for range in var.company_ranges : can(cidrhost(range, 0)) && !endswith(range, "/0")])
    error_message = "company_ranges has at least one range in CIDR form, and none that is everybody, for example [\"203.0.113.0/24\"]."
  }
}

variable "customer_ids" {
  description = "Directory customers whose people may be granted anything in the project (`gcloud organizations list`); empty: as the organization says."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.customer_ids : can(regex("^C0[0-9a-z]+$", id))])
    error_message = "customer_ids are DIRECTORY_CUSTOMER_IDs, for example [\"C01abcdef\"]."
  }
}

variable "deployers" {
  description = "Who runs terraform from outside the company's addresses, for example a build service's account."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.deployers : can(regex("^(user|serviceAccount|group):[^@\\s]+@[^@\\s]+$", member))])
    error_message = "deployers are members by mail address, for example [\"serviceAccount:terraform@acme-build.iam.gserviceaccount.com\"]; allUsers would open the perimeter."
  }
}

variable "dry_run" {
  description = "Whether the perimeter only logs what it would refuse. Look at those logs for a week, then set false."
  type        = bool
  default     = true
}

variable "image_project_numbers" {
  description = "Numbers of other projects whose Artifact Registry the images come from."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for number in var.image_project_numbers : can(regex("^[0-9]+$", number))])
    error_message = "image_project_numbers are numbers, not ids, for example [\"123456789012\"] (gcloud projects describe PROJECT --format='value(projectNumber)')."
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

variable "project_id" {
  description = "Google Cloud project inside the perimeter."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-tailnumber\"."
  }
}

variable "project_number" {
  description = "Number of that project, which perimeters go by."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+$", var.project_number))
    error_message = "project_number has digits only, for example 123456789012 (gcloud projects describe PROJECT --format='value(projectNumber)')."
  }
}

variable "region" {
  description = "The one region in which the project may make resources."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is one region, not a zone, for example \"europe-west1\"."
  }
}
