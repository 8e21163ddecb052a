# One service account per role, so that each can be given what it needs and no more. None has a
# key: machines and jobs get short-lived tokens from Google. An organization that wants to be sure
# of that forbids keys altogether (module perimeter).

locals {
  access = jsondecode(file("${path.module}/../../../schemas/generated/access.json"))

  accounts = {
    ingress   = "Gateway: publishes events, wraps content keys, reads its secrets."
    keeper    = "Keeper: copies what legal holds keep, finishes erasures (tailnumber retain)."
    loader    = "Dataflow workers: read the subscription, append rows; read no table."
    looker    = "Dashboards: reads the reporting views of public columns."
    scheduler = "Scheduler: starts the keeper's job and does nothing else."
  }

  # Only what can be granted on the whole project alone stands here. A right on a topic, a key, a
  # secret, a bucket, a dataset or a job is granted on that resource, by the module that makes it.
  project_roles = {
    ingress = [
      # Log lines have no resource below the project to be granted on; they hold no texts.
      "roles/logging.logWriter",
      # Likewise time series: the dashboards and alerts of module observability read them.
      "roles/monitoring.metricWriter",
    ]
    loader = [
      # Dataflow's own minimum for a worker: takes work items, writes the job's log. It also gets and
      # creates objects, and on the project that is every bucket's: see the README.
      "roles/dataflow.worker",
      # Counters of the pipeline (dead letters, lag) as time series.
      "roles/monitoring.metricWriter",
    ]
  }

  grants = merge([
    for account, roles in local.project_roles : {
      for role in roles : "${account} ${role}" => { account = account, role = role }
    }
  ]...)
}

resource "google_service_account" "role" {
  for_each = local.accounts

  project      = var.project_id
  account_id   = "${var.name}-${each.key}"
  display_name = "${var.name} ${each.key}"
  description  = each.value
}

resource "google_project_iam_member" "role" {
  for_each = local.grants

  project = var.project_id
  role    = each.value.role
  member  = google_service_account.role[each.value.account].member
}

# What no predefined role says as narrowly: the loader appends and cannot read, not even its own
# rows. The permissions are the contract's (docs/access.md), rendered from schemas/.
resource "google_project_iam_custom_role" "role" {
  for_each = local.access.custom_roles

  project     = var.project_id
  role_id     = each.key
  title       = each.key
  description = "Tailnumber: see docs/access.md."
  permissions = each.value
  stage       = "GA"
}
