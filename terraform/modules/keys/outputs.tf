output "content_key_uri" {
  description = "URI of the key that wraps content keys, for the gateway's TAILNUMBER_KEY_URI."
  value       = "gcp-kms://${google_kms_crypto_key.keys["content_kek"].id}"
  depends_on  = [google_kms_crypto_key_iam_member.content_sealers]
}

# Whoever takes a key's id from here waits for the grants: a dataset or topic that is made before
# its service agent may use the key is refused.
output "key_ids" {
  description = "Full ids of the keys: audit, content, subject_keys, stream, archive, control, content_kek."
  value       = { for name, key in google_kms_crypto_key.keys : name => key.id }
  depends_on  = [google_kms_crypto_key_iam_member.agents]
}

output "key_ring_id" {
  description = "Full id of the key ring."
  value       = google_kms_key_ring.ring.id
}
