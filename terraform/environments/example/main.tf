# The whole system in one project. Each module makes one part and grants the rights on it; what one
# needs of another is an output of that one, so that terraform knows the order.

locals {
  labels  = { application = "tailnumber", tenant = var.tenant }
  readers = { for role, mail in var.groups : role => "group:${mail}" }
}

module "identity" {
  source = "../../modules/identity"

  project_id = var.project_id

  depends_on = [google_project_service.used]
}

module "keys" {
  source = "../../modules/keys"

  project_id         = var.project_id
  project_number     = data.google_project.this.number
  region             = var.region
  labels             = local.labels
  content_sealers    = { ingress = module.identity.members.ingress }
  content_decrypters = { for role, member in local.readers : role => member if role == "investigator" }

  # Keys are granted to Google's own accounts, which must be there.
  depends_on = [
    google_project_service_identity.agent,
    data.google_bigquery_default_service_account.agent,
    data.google_storage_project_service_account.agent,
  ]
}

module "warehouse" {
  source = "../../modules/warehouse"

  project_id          = var.project_id
  project_number      = data.google_project.this.number
  location            = var.region
  labels              = local.labels
  deletion_protection = var.deletion_protection
  kms_key_ids         = { for class in ["audit", "content", "subject_keys"] : class => module.keys.key_ids[class] }
  custom_role_ids     = module.identity.custom_role_ids
  readers             = merge(local.readers, { looker = module.identity.members.looker })
  loader_member       = module.identity.members.loader
  keeper_member       = module.identity.members.keeper
  tenants             = [var.tenant]
}

module "stream" {
  source = "../../modules/stream"

  project_id          = var.project_id
  project_number      = data.google_project.this.number
  region              = var.region
  labels              = local.labels
  deletion_protection = var.deletion_protection
  kms_key_id          = module.keys.key_ids["stream"]
  archive_kms_key_id  = module.keys.key_ids["archive"]
  archive             = { locked = var.archive_locked }
  safety_net_table    = module.warehouse.safety_net_table
  publishers          = { ingress = module.identity.members.ingress }
  subscribers         = { loader = module.identity.members.loader }
}

module "pipeline" {
  source = "../../modules/pipeline"

  project_id           = var.project_id
  region               = var.region
  labels               = local.labels
  deletion_protection  = var.deletion_protection
  image                = var.images.pipeline
  service_account      = module.identity.service_accounts.loader
  subscription_id      = module.stream.subscription_id
  dead_letter_topic_id = module.stream.dead_letter_topic_id
  subnetwork           = google_compute_subnetwork.workers.id
  kms_key_id           = module.keys.key_ids["stream"]

  # The job inserts rows from its first message on.
  depends_on = [module.warehouse, google_compute_firewall.workers]
}

module "ingress" {
  source = "../../modules/ingress"

  project_id          = var.project_id
  region              = var.region
  labels              = local.labels
  deletion_protection = var.deletion_protection
  variant             = var.variant
  tenant              = var.tenant
  domain              = var.domain
  certificate         = var.certificate
  image               = var.images.ingress
  tools_image         = var.images.tools
  service_accounts    = { for role in ["ingress", "keeper", "scheduler"] : role => module.identity.service_accounts[role] }
  network             = google_compute_network.this.id
  subnetwork          = google_compute_subnetwork.gateways.id
  proxy_range         = google_compute_subnetwork.proxies.ip_cidr_range
  topic               = module.stream.topic_name
  kms_key_id          = module.keys.key_ids["control"]
  content_key_uri     = module.keys.content_key_uri
  policy              = file(var.policy_file)
  issuers             = file(var.issuers_file)
  control_password    = var.control_password

  # The database takes its address from there.
  depends_on = [google_service_networking_connection.services]
}

module "observability" {
  source = "../../modules/observability"

  project_id                    = var.project_id
  labels                        = local.labels
  variant                       = var.variant
  notification_emails           = var.notification_emails
  topic_name                    = module.stream.topic_name
  subscription_name             = module.stream.subscription_name
  dead_letter_subscription_name = module.stream.dead_letter_subscription_name
  archive_subscription_name     = module.stream.archive_subscription_name
  safety_net_subscription_name  = module.stream.safety_net_subscription_name
  archive_bucket                = module.stream.archive_bucket
  job_name                      = module.pipeline.job_name
  dataset_ids                   = module.warehouse.dataset_ids
  keeper_email                  = module.identity.service_accounts.keeper
}

# Left out unless asked for: it needs rights on the organization.
module "perimeter" {
  source = "../../modules/perimeter"
  count  = var.perimeter == null ? 0 : 1

  access_policy  = var.perimeter.access_policy
  company_ranges = var.perimeter.company_ranges
  deployers      = var.perimeter.deployers
  dry_run        = var.perimeter.dry_run
  project_id     = var.project_id
  project_number = data.google_project.this.number
  region         = var.region

  # Last: what it forbids from then on, nobody should meet half way.
  depends_on = [module.ingress, module.observability, module.pipeline]
}
