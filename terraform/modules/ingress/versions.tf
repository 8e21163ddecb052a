terraform {
  # 1.11: write-only arguments keep the database's password out of plan and state.
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 7"
    }
    # Jobs alone: only there does terraform wait for a job that it starts.
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 6.50, < 7"
    }
  }
}
