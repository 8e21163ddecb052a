-- keys.subject_keys: One row per content key, wrapped: what opens one principal's texts of one quarter. Filter on occurred_at.
SELECT
  `key_id`,
  `principal_id`,
  `quarter`,
  `tenant_id`,
  `event_id`,
  `occurred_at`,
  `kms_resource`,
  `wrapped_keyset`,
  `wrapped_keyset_hash`,
  `loaded_at`
FROM `keys.subject_keys_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `key_id`, `occurred_at` ORDER BY `loaded_at` DESC, `event_id` DESC) = 1
