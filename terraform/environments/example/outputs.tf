output "address" {
  description = "Internal address of the gateway: the company's DNS gives it for the domain."
  value       = module.ingress.address
}

output "compose_env" {
  description = "Lines of .env for a gateway that stands elsewhere and records here (docs/on-prem.md)."
  value = join("\n", [
    "GOOGLE_PROJECT=${var.project_id}",
    "TOPIC=${module.stream.topic_name}",
    "SUBSCRIPTION=${module.stream.subscription_name}",
    "DEAD_LETTER_TOPIC=${basename(module.stream.dead_letter_topic_id)}",
    "KEY_URI=${module.keys.content_key_uri}",
  ])
}

output "egress_address" {
  description = "Address that upstreams see; put it on their lists of allowed ones."
  value       = module.ingress.egress_address
}

output "next_steps" {
  description = "What to do now, in order."
  value = join("\n", concat(
    ["1. Name: point ${var.domain} to ${module.ingress.address} in the company's DNS, and connect the company's network to the network ${google_compute_network.this.name}."],
    ["2. Credentials of the policy's upstreams, each from a file or a prompt, never as an argument:"],
    [for name in keys(module.ingress.credential_secret_ids) : "   gcloud secrets versions add ${name} --project=${var.project_id} --data-file=-"],
    ["3. Is it up?   curl --fail ${module.ingress.url}/readyz"],
    ["4. Enrol a client, on a developer's machine: tailnumber login --gateway ${module.ingress.url} --client vscode"],
    ["5. See it arrive, a minute later, as somebody of the group analyst: tailnumber ask who_asked_what --project ${var.project_id} --param since=1h"],
    var.archive_locked ? [] : ["6. When the archive bucket ${module.stream.archive_bucket} is as it should be: archive_locked = true, and apply. Nobody can undo it."],
  ))
}

output "service_accounts" {
  description = "Mail addresses of the accounts: role to mail address; a gateway that stands elsewhere speaks as one of them (docs/networks.md)."
  value       = module.identity.service_accounts
}

output "url" {
  description = "Where clients are pointed at."
  value       = module.ingress.url
}
