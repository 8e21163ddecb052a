# What the gateways are told: docs/settings.md. A name that the program does not know stops it, so a
# test compares these with the program's own list.

locals {
  on_instances = var.variant == "instances"

  # One gateway process per processor: each takes one whole.
  workers = local.on_instances ? tonumber(regex("[0-9]+$", var.machine_type)) : 2

  # What Pub/Sub has not taken yet waits in the journals; the rest of a disk is for pushes that wait
  # for a decision. Cloud Run's disk is its memory.
  journal_bytes = local.on_instances ? floor(var.disk_gb * pow(1000, 3) * 0.75 / local.workers) : 256 * pow(1024, 2)
  free_bytes    = local.on_instances ? pow(1024, 3) : 64 * pow(1024, 2)

  secrets_folder = "/run/tailnumber"
  # Cloud Run mounts a secret as a folder of its own.
  files = {
    policy           = local.on_instances ? "${local.secrets_folder}/policy" : "${local.secrets_folder}/policy/policy"
    issuers          = local.on_instances ? "${local.secrets_folder}/issuers" : "${local.secrets_folder}/issuers/issuers"
    control-password = local.on_instances ? "${local.secrets_folder}/control-password" : "${local.secrets_folder}/control-password/control-password"
    control-ca       = local.on_instances ? "${local.secrets_folder}/control-ca" : "${local.secrets_folder}/control-ca/control-ca"
  }

  # The certificate of a Cloud SQL instance's own authority names no host: its key is what is checked.
  database_url = "postgresql://${google_sql_user.control.name}@${google_sql_database_instance.control.private_ip_address}/${google_sql_database.control.name}?sslmode=verify-ca&sslrootcert=${local.files["control-ca"]}"

  control_settings = {
    TAILNUMBER_CONTROL_DATABASE      = local.database_url
    TAILNUMBER_CONTROL_PASSWORD_FILE = local.files["control-password"]
    TAILNUMBER_KEY_URI               = var.content_key_uri
  }

  # Whose word on the client's address counts: the load balancer, which appends its own address too;
  # before a Cloud Run container stands Google's front end, on a link-local address.
  trusted_proxies = join(",", concat(
    [var.proxy_range, google_compute_address.gateway.address],
    local.on_instances ? [] : ["169.254.0.0/16"],
  ))

  settings = merge(local.control_settings, {
    TAILNUMBER_CREDENTIAL_STORE       = "projects/${var.project_id}"
    TAILNUMBER_DATA_DIR               = local.on_instances ? "/var/lib/tailnumber" : "/tmp/tailnumber"
    TAILNUMBER_DURABLE                = local.on_instances ? "disk" : "pubsub"
    TAILNUMBER_HOST                   = "0.0.0.0"
    TAILNUMBER_ISSUERS_FILE           = local.files.issuers
    TAILNUMBER_JOURNAL_BYTES_MAX      = tostring(local.journal_bytes)
    TAILNUMBER_JOURNAL_FREE_BYTES_MIN = tostring(local.free_bytes)
    TAILNUMBER_POLICY_FILE            = local.files.policy
    TAILNUMBER_PORT                   = "8080"
    TAILNUMBER_PROJECT                = var.project_id
    TAILNUMBER_PUBLIC_URL             = "https://${var.domain}"
    TAILNUMBER_TENANT_ID              = var.tenant
    TAILNUMBER_TOPIC                  = var.topic
    TAILNUMBER_TRUSTED_PROXIES        = local.trusted_proxies
    TAILNUMBER_WORKERS                = tostring(local.workers)
  })
}
