# The control database: gateway keys, reviews, wrapped content keys, holds, the tenant's wrapped key.
# It holds no text. Losing it would make every sealed text unreadable: hence two zones, backups,
# point-in-time recovery and three locks against deletion.

locals {
  database_flags = {
    "cloudsql.enable_pgaudit"    = "on"
    "log_checkpoints"            = "on"
    "log_connections"            = "on"
    "log_disconnections"         = "on"
    "log_duration"               = "off"
    "log_hostname"               = "off"
    "log_lock_waits"             = "on"
    "log_min_duration_statement" = "-1"
    "log_min_error_statement"    = "error"
    "log_min_messages"           = "error"
    "log_statement"              = "ddl"
    "log_temp_files"             = "0"
    # What a table was made into, and by whom. Rows are read and written by gateways alone.
    "pgaudit.log" = "ddl,role"
    # The detail of an error quotes values of the row.
    "log_error_verbosity" = "terse"
  }
}

resource "google_sql_database_instance" "control" {
  project             = var.project_id
  region              = var.region
  name                = "${var.name}-control"
  database_version    = "POSTGRES_17"
  encryption_key_name = var.kms_key_id
  deletion_protection = var.deletion_protection

  settings {
    tier                        = var.database_tier
    edition                     = "ENTERPRISE"
    availability_type           = "REGIONAL"
    disk_type                   = "PD_SSD"
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    retain_backups_on_delete    = var.deletion_protection
    user_labels                 = var.labels

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "ENCRYPTED_ONLY"
      server_ca_mode  = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      location                       = var.region
      point_in_time_recovery_enabled = true
      # An erasure is final when the last copy of a content key is gone: docs/retention.md counts
      # on seven days here.
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 7
        retention_unit   = "COUNT"
      }
    }

    maintenance_window {
      day          = 7
      hour         = 3
      update_track = "stable"
    }

    dynamic "database_flags" {
      for_each = local.database_flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    # Google enlarges it as it fills; shrinking would mean a new one.
    ignore_changes = [settings[0].disk_size]
  }
}

resource "google_sql_database" "control" {
  project         = var.project_id
  instance        = google_sql_database_instance.control.name
  name            = "tailnumber"
  deletion_policy = "ABANDON"
}

resource "google_sql_user" "control" {
  project             = var.project_id
  instance            = google_sql_database_instance.control.name
  name                = "tailnumber"
  password_wo         = var.control_password
  password_wo_version = 1
  # It owns the tables.
  deletion_policy = "ABANDON"
}
