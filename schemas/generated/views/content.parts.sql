-- content.parts: One row per text, sealed or (``content: tagged``) masked in clear; once per session. Filter on occurred_at.
SELECT
  `part_id`,
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `session_id`,
  `interaction_id`,
  `principal_id`,
  `key_id`,
  `role`,
  `kind`,
  `size_bytes`,
  `ciphertext_hash`,
  `ciphertext`,
  `loaded_at`,
  `text`,
  `salt`,
  `commitment`
FROM `content.parts_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `part_id`, `session_id`, `occurred_at` ORDER BY `loaded_at` DESC, `event_id` DESC) = 1
