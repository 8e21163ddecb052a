locals {
  agent_grants = merge([
    for key, agents in local.agents_of : {
      for agent in agents : "${key} ${agent}" => { key = key, agent = agent }
    }
  ]...)

  # What the contract says that a role which opens texts gets on the key of contents.
  decrypter_roles = toset(flatten([for role in local.access.roles : role.kms_roles]))

  decrypter_grants = merge([
    for role in local.decrypter_roles : {
      for name, member in var.content_decrypters : "${name} ${role}" => {
        role   = role
        member = member
      }
    }
  ]...)
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = local.agent_grants

  crypto_key_id = google_kms_crypto_key.keys[each.value.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${local.agents[each.value.agent]}"
}

# A gateway makes content keys (encrypt) and takes up those that another one made (decrypt).
resource "google_kms_crypto_key_iam_member" "content_sealers" {
  for_each = var.content_sealers

  crypto_key_id = google_kms_crypto_key.keys["content_kek"].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

# Inside a query (AEAD.DECRYPT_STRING) alone: whoever has it cannot call Cloud KMS to decrypt.
resource "google_kms_crypto_key_iam_member" "content_decrypters" {
  for_each = local.decrypter_grants

  crypto_key_id = google_kms_crypto_key.keys["content_kek"].id
  role          = each.value.role
  member        = each.value.member
}
