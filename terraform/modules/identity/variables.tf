variable "name" {
  description = "Prefix of the accounts' names."
  type        = string
  default     = "tailnumber"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is the start of an account's name, which has at most 30 characters: 3 to 20 of a-z, 0-9 and -, for example \"tailnumber\"."
  }
}

variable "project_id" {
  description = "Google Cloud project that the accounts belong to."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, not its name or number: 6 to 30 of a-z, 0-9 and -, for example \"acme-tailnumber\"."
  }
}
