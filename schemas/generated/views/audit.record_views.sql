-- audit.record_views: One row per time that somebody opened recorded texts: who, which and why. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `principal_id`,
  `principal_kind`,
  `principal_issuer`,
  `principal_subject`,
  `principal_email`,
  `principal_groups`,
  `gateway_key_id`,
  `command`,
  `reason`,
  `viewed_session_ids`,
  `viewed_interaction_ids`,
  `viewed_part_ids`,
  `viewed_principal_ids`,
  `loaded_at`
FROM `audit.record_views_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
