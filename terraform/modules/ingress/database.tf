# The control database: gateway keys, reviews, wrapped content keys, holds, the tenant's wrapped key.
# It holds no text. Losing it would make every sealed text unreadable: hence two zones, backups,
# point-in-time recovery and three locks against deletion.

locals {
  # Raise it to put the variable control_password in force anew.
  password_version = 1
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

    # Written out one by one, so that a scanner sees them.
    database_flags {
      name  = "cloudsql.enable_pgaudit"
      value = "on"
    }
    # What a table was made into, and by whom. Rows are read and written by gateways alone.
    database_flags {
      name  = "pgaudit.log"
      value = "ddl,role"
    }
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }
    database_flags {
      name  = "log_connections"
      value = "on"
    }
    database_flags {
      name  = "log_disconnections"
      value = "on"
    }
    database_flags {
      name  = "log_hostname"
      value = "on"
    }
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
    # A slow statement would be logged with its values.
    database_flags {
      name  = "log_min_duration_statement"
      value = "-1"
    }
    database_flags {
      name  = "log_min_error_statement"
      value = "error"
    }
    database_flags {
      name  = "log_min_messages"
      value = "error"
    }
    database_flags {
      name  = "log_statement"
      value = "ddl"
    }
    database_flags {
      name  = "log_temp_files"
      value = "0"
    }
    # The detail of an error quotes values of the row.
    database_flags {
      name  = "log_error_verbosity"
      value = "terse"
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
  password_wo_version = local.password_version
  # It owns the tables.
  deletion_policy = "ABANDON"
}
