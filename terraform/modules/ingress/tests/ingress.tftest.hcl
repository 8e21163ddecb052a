# Runs are few and large on purpose: each starts the provider anew, which takes longer than the rest.

mock_provider "google" {
  mock_resource "google_sql_database_instance" {
    defaults = {
      private_ip_address = "10.64.8.3"
      server_ca_cert     = [{ cert = "a certificate", common_name = "", create_time = "", expiration_time = "", sha1_fingerprint = "" }]
    }
  }
  mock_resource "google_compute_address" {
    defaults = { address = "10.64.0.7" }
  }
  mock_resource "google_compute_region_instance_template" {
    defaults = { self_link = "https://compute.example/template" }
  }
}

mock_provider "google-beta" {}

variables {
  project_id       = "acme-tailnumber"
  region           = "europe-west1"
  tenant           = "acme"
  domain           = "tailnumber.acme.example"
  certificate      = "projects/acme-tailnumber/locations/europe-west1/certificates/tailnumber"
  image            = "europe-west1-docker.pkg.dev/acme-images/tailnumber/ingress@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  tools_image      = "europe-west1-docker.pkg.dev/acme-images/tailnumber/tools@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  network          = "projects/acme-tailnumber/global/networks/tailnumber"
  subnetwork       = "projects/acme-tailnumber/regions/europe-west1/subnetworks/tailnumber-gateways"
  proxy_range      = "10.64.1.0/24"
  topic            = "tailnumber-audit-events"
  kms_key_id       = "projects/acme-tailnumber/locations/europe-west1/keyRings/tailnumber/cryptoKeys/control"
  content_key_uri  = "gcp-kms://projects/acme-tailnumber/locations/europe-west1/keyRings/tailnumber/cryptoKeys/content-kek"
  control_password = "0123456789012345678901234567890123456789"
  service_accounts = {
    ingress   = "tailnumber-ingress@acme-tailnumber.iam.gserviceaccount.com"
    keeper    = "tailnumber-keeper@acme-tailnumber.iam.gserviceaccount.com"
    scheduler = "tailnumber-scheduler@acme-tailnumber.iam.gserviceaccount.com"
  }
  issuers = <<-YAML
    version: 1
    issuers:
      - {issuer: "https://acme.okta.com:8443/oauth2/aus1", profile: okta, audiences: [api], groups_from: {credential: secret/okta-groups}}
  YAML
  policy  = <<-YAML
    # Neither secret/NAME nor https://nowhere.example:7777 of a comment counts.
    version: 1
    connections:
      copilot: {kind: copilot, upstream: "https://api.githubcopilot.com", credential: secret/copilot}
      local: {kind: openai, upstream: "https://vllm.acme.example:9443", network: private}
    rules:
      - {id: everyone, effect: allow, assurance: bracket}
  YAML
}

run "instances" {
  # Machines are sealed off.
  assert {
    condition = alltrue([
      for interface in google_compute_region_instance_template.gateway[0].network_interface : length(interface.access_config) == 0
    ])
    error_message = "An instance has an external address."
  }
  assert {
    condition = alltrue([
      google_compute_region_instance_template.gateway[0].shielded_instance_config[0].enable_secure_boot,
      google_compute_region_instance_template.gateway[0].shielded_instance_config[0].enable_vtpm,
      google_compute_region_instance_template.gateway[0].shielded_instance_config[0].enable_integrity_monitoring,
    ])
    error_message = "An instance is not a shielded one."
  }
  assert {
    condition     = alltrue([for disk in google_compute_region_instance_template.gateway[0].disk : disk.disk_encryption_key[0].kms_key_self_link == var.kms_key_id])
    error_message = "A disk is not encrypted by the company's key."
  }
  assert {
    condition = alltrue([
      google_compute_region_instance_template.gateway[0].metadata["enable-oslogin"] == "true",
      google_compute_region_instance_template.gateway[0].metadata["block-project-ssh-keys"] == "true",
      google_compute_region_instance_template.gateway[0].metadata["serial-port-enable"] == "false",
    ])
    error_message = "A person could come in by a project's key or the serial port."
  }
  assert {
    condition     = !strcontains(google_compute_region_instance_template.gateway[0].metadata["user-data"], var.control_password)
    error_message = "The password stands in the machine's metadata."
  }
  assert {
    condition     = toset(google_compute_firewall.load_balancer[0].source_ranges) == toset(["10.64.1.0/24", "35.191.0.0/16", "130.211.0.0/22"])
    error_message = "Somebody beside the load balancer and Google's health checks reaches the gateways."
  }
  assert {
    condition     = one(google_compute_firewall.no_other_egress.deny).protocol == "all" && google_compute_firewall.no_other_egress.priority > google_compute_firewall.upstreams.priority
    error_message = "A gateway can speak to anybody."
  }

  # Containers run read only and as nobody.
  assert {
    condition     = can(yamldecode(google_compute_region_instance_template.gateway[0].metadata["user-data"]).write_files[0].path)
    error_message = "The machine's cloud-init is no YAML."
  }
  assert {
    condition = alltrue([
      for line in split("\n", replace(google_compute_region_instance_template.gateway[0].metadata["user-data"], "\\\n", "")) :
      alltrue([for flag in ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001"] : strcontains(line, flag)])
      if strcontains(line, "docker run")
    ])
    error_message = "A container may write its image, gain rights or run as root."
  }
  assert {
    condition     = strcontains(google_compute_region_instance_template.gateway[0].metadata["user-data"], "--volume=/mnt/disks/tailnumber/data:/var/lib/tailnumber")
    error_message = "The data directory is not on the disk."
  }

  # A record outlives its machine.
  assert {
    condition     = one(google_compute_region_instance_group_manager.gateway[0].stateful_disk).delete_rule == "NEVER" && one(google_compute_region_instance_group_manager.gateway[0].stateful_disk).device_name == "data"
    error_message = "The data disk goes with its machine."
  }
  assert {
    condition     = [for disk in google_compute_region_instance_template.gateway[0].disk : disk.auto_delete if disk.device_name == "data"][0] == false
    error_message = "The data disk goes with its machine."
  }
  assert {
    condition = alltrue([
      google_compute_region_instance_group_manager.gateway[0].update_policy[0].replacement_method == "RECREATE",
      google_compute_region_instance_group_manager.gateway[0].update_policy[0].max_surge_fixed == 0,
      google_compute_region_instance_group_manager.gateway[0].update_policy[0].max_unavailable_fixed * 2 <= var.instance_count,
    ])
    error_message = "An update loses disks or more than half of the gateways at once."
  }
  assert {
    condition     = local.settings["TAILNUMBER_DURABLE"] == "disk" && tonumber(local.settings["TAILNUMBER_JOURNAL_BYTES_MAX"]) * local.workers <= var.disk_gb * 0.8 * 1000000000
    error_message = "The journals may fill the disk."
  }
  assert {
    condition     = local.settings["TAILNUMBER_WORKERS"] == "4"
    error_message = "A gateway process per processor."
  }

  # The trail names the client's address, which the load balancer alone may tell.
  assert {
    condition     = local.settings["TAILNUMBER_TRUSTED_PROXIES"] == "10.64.1.0/24,10.64.0.7"
    error_message = "Somebody beside the load balancer can write a client's address."
  }

  # A machine that cannot record gets no requests and is not replaced.
  assert {
    condition     = google_compute_region_health_check.ready[0].http_health_check[0].request_path == "/readyz" && google_compute_region_backend_service.gateway.health_checks == toset([google_compute_region_health_check.ready[0].id])
    error_message = "The load balancer does not ask /readyz."
  }
  assert {
    condition     = google_compute_region_health_check.alive[0].http_health_check[0].request_path == "/healthz" && google_compute_region_instance_group_manager.gateway[0].auto_healing_policies[0].health_check == google_compute_region_health_check.alive[0].id
    error_message = "Autohealing does not ask /healthz."
  }

  # The load balancer is internal and keeps no urls.
  assert {
    condition     = google_compute_forwarding_rule.gateway.load_balancing_scheme == "INTERNAL_MANAGED" && google_compute_address.gateway.address_type == "INTERNAL"
    error_message = "The load balancer is not internal."
  }
  assert {
    condition     = google_compute_forwarding_rule.gateway.port_range == "443" && google_compute_region_ssl_policy.gateway.min_tls_version == "TLS_1_2" && google_compute_region_ssl_policy.gateway.profile == "RESTRICTED"
    error_message = "Clients may come without TLS 1.2."
  }
  assert {
    condition     = google_compute_region_backend_service.gateway.log_config[0].enable == false
    error_message = "The load balancer's log would hold path keys and query strings."
  }
  assert {
    condition     = google_compute_region_backend_service.gateway.protocol == "HTTP" && google_compute_region_backend_service.gateway.timeout_sec == 3600 && google_compute_region_backend_service.gateway.connection_draining_timeout_sec >= 300
    error_message = "Long streams are cut, or an update does not wait for them."
  }

  # The control database is private encrypted and hard to lose.
  assert {
    condition     = google_sql_database_instance.control.settings[0].ip_configuration[0].ipv4_enabled == false && google_sql_database_instance.control.settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database has a public address, or takes connections in clear."
  }
  assert {
    condition     = google_sql_database_instance.control.encryption_key_name == var.kms_key_id
    error_message = "The database is not encrypted by the company's key."
  }
  assert {
    condition = alltrue([
      google_sql_database_instance.control.deletion_protection,
      google_sql_database_instance.control.settings[0].deletion_protection_enabled,
      google_sql_database_instance.control.settings[0].availability_type == "REGIONAL",
      google_sql_database_instance.control.settings[0].backup_configuration[0].enabled,
      google_sql_database_instance.control.settings[0].backup_configuration[0].point_in_time_recovery_enabled,
    ])
    error_message = "The database can be lost with a zone, a mistake or a click."
  }
  assert {
    # docs/retention.md counts on it: an erasure is final when the last backup of a key is gone.
    condition     = google_sql_database_instance.control.settings[0].backup_configuration[0].transaction_log_retention_days == 7 && google_sql_database_instance.control.settings[0].backup_configuration[0].backup_retention_settings[0].retained_backups == 7
    error_message = "Backups keep erased keys longer, or less long, than docs/retention.md says."
  }
  assert {
    condition     = startswith(local.database_url, "postgresql://tailnumber@10.64.8.3/tailnumber?sslmode=verify-ca&sslrootcert=/")
    error_message = "Gateways do not check whom they speak to, or the URL has a password."
  }

  # Secrets have the readers that they need.
  assert {
    condition     = toset(keys(google_secret_manager_secret.this)) == toset(["policy", "issuers", "control-password", "control-ca", "credential copilot", "credential okta-groups"])
    error_message = "Each secret/NAME of policy and issuers is a secret, beside the four that gateways get as files."
  }
  assert {
    condition = alltrue([
      for key, binding in google_secret_manager_secret_iam_binding.readers :
      toset(binding.members) == toset(startswith(key, "control-") ?
        ["serviceAccount:${var.service_accounts.ingress}", "serviceAccount:${var.service_accounts.keeper}"] :
      ["serviceAccount:${var.service_accounts.ingress}"])
    ])
    error_message = "Somebody reads a secret who does not need it."
  }
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name == var.kms_key_id && secret.replication[0].user_managed[0].replicas[0].location == var.region])
    error_message = "A secret is outside the region, or not encrypted by the company's key."
  }
  assert {
    condition     = google_secret_manager_secret_version.policy.deletion_policy == "ABANDON"
    error_message = "Former policies go."
  }

  # Gateways reach the ports of their upstreams by one logged address.
  assert {
    condition     = toset(one(google_compute_firewall.upstreams.allow).ports) == toset(["443", "9443", "8443"])
    error_message = "The ports are 443 and those that policy and issuers name."
  }
  assert {
    condition     = google_compute_router_nat.egress.log_config[0].enable && google_compute_router_nat.egress.log_config[0].filter == "ALL" && google_compute_router_nat.egress.nat_ip_allocate_option == "MANUAL_ONLY"
    error_message = "Connections to upstreams are not logged, or come from addresses that change."
  }

  # The keeper runs daily and can be started by the scheduler alone.
  assert {
    condition     = keys(google_cloud_run_v2_job.this) == ["keeper"] && google_cloud_run_v2_job.this["keeper"].template[0].template[0].containers[0].args == tolist(["retain", "--project", "acme-tailnumber"])
    error_message = "The keeper's job does not run tailnumber retain."
  }
  assert {
    condition     = google_cloud_run_v2_job.this["keeper"].template[0].template[0].service_account == var.service_accounts.keeper && google_cloud_scheduler_job.keeper.http_target[0].oauth_token[0].service_account_email == var.service_accounts.scheduler
    error_message = "Keeper and scheduler do not run as themselves."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.scheduler.role == "roles/run.invoker" && google_cloud_scheduler_job.keeper.schedule == "17 3 * * *"
    error_message = "The keeper does not run daily."
  }

  # The images are pulled by a right on their repository.
  assert {
    condition     = one(values(google_artifact_registry_repository_iam_member.puller)).project == "acme-images" && one(values(google_artifact_registry_repository_iam_member.puller)).location == "europe-west1" && one(values(google_artifact_registry_repository_iam_member.puller)).repository == "tailnumber"
    error_message = "The right to pull is not on the images' repository."
  }
}

run "cloud_run_counts_pubsub_as_durable" {
  variables {
    variant = "cloud_run"
  }

  assert {
    condition     = length(google_compute_region_instance_group_manager.gateway) == 0 && length(google_cloud_run_v2_service.gateway) == 1
    error_message = "Variant cloud_run makes a service and no machines."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_service.gateway[0].template[0].containers[0].env : env.value if env.name == "TAILNUMBER_DURABLE"]) == "pubsub"
    error_message = "A record would be durable in memory."
  }
  assert {
    condition = alltrue([
      google_cloud_run_v2_service.gateway[0].ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
      google_cloud_run_v2_service.gateway[0].template[0].scaling[0].min_instance_count == 2,
      google_cloud_run_v2_service.gateway[0].template[0].timeout == "3600s",
      google_cloud_run_v2_service.gateway[0].template[0].containers[0].resources[0].cpu_idle == false,
      google_cloud_run_v2_service.gateway[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC",
      google_cloud_run_v2_service.gateway[0].template[0].encryption_key == var.kms_key_id,
      google_cloud_run_v2_service.gateway[0].deletion_protection,
    ])
    error_message = "The service is reached from outside, sleeps between requests or cuts streams."
  }
  assert {
    condition     = google_cloud_run_v2_job.this["migrate"].run_execution_token != null && google_cloud_run_v2_job.this["keeper"].run_execution_token == null
    error_message = "Without machines a job migrates the control database, and runs with each new image."
  }
  assert {
    # Cloud Run needs the secrets as folders, each mounted once.
    condition     = toset([for mount in google_cloud_run_v2_service.gateway[0].template[0].containers[0].volume_mounts : mount.mount_path]) == toset([for key in ["policy", "issuers", "control-password", "control-ca"] : "/run/tailnumber/${key}"])
    error_message = "The files are not mounted."
  }
}

# Each of these is wrong in its own way, and each must be refused.
run "wrong_variables_are_refused" {
  command = plan

  variables {
    certificate      = "projects/acme-tailnumber/locations/global/certificates/tailnumber"
    content_key_uri  = "projects/acme-tailnumber/locations/europe-west1/keyRings/r/cryptoKeys/k"
    control_password = "correct-horse"
    database_tier    = "db-f1-micro"
    disk_gb          = 10
    domain           = "https://tailnumber.acme.example/"
    image            = "europe-west1-docker.pkg.dev/acme-images/tailnumber/ingress:latest"
    instance_count   = 3
    issuers          = "issuers: ["
    kms_key_id       = "projects/acme-tailnumber/locations/us/keyRings/r/cryptoKeys/k"
    machine_type     = "e2-medium"
    name             = "T"
    policy           = "{version: 1, rules: [{id: a, effect: deny}], masking: {rules: [builtin, ours.toml]}}"
    project_id       = "123456"
    proxy_range      = "0.0.0.0/0"
    tenant           = "Acme Inc."
    tools_image      = "docker.io/acme/tools:1"
    topic            = "projects/acme-tailnumber/topics/events"
    variant          = "kubernetes"
    service_accounts = {
      ingress   = "one@acme-tailnumber.iam.gserviceaccount.com"
      keeper    = "one@acme-tailnumber.iam.gserviceaccount.com"
      scheduler = "two@acme-tailnumber.iam.gserviceaccount.com"
    }
  }

  expect_failures = [
    var.certificate, var.content_key_uri, var.control_password, var.database_tier, var.disk_gb, var.domain, var.image,
    var.instance_count, var.issuers, var.kms_key_id, var.machine_type, var.name, var.policy, var.project_id,
    var.proxy_range, var.service_accounts, var.tenant, var.tools_image, var.topic, var.variant,
  ]
}

run "strict_recording_without_a_disk_is_refused" {
  command = plan

  variables {
    variant = "cloud_run"
    policy  = "{version: 1, rules: [{id: everyone, effect: allow}]}"
  }

  expect_failures = [google_cloud_run_v2_service.gateway]
}
