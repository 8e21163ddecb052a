-- audit.events: One row per event: the exact record that was hashed, and the columns to find it by. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `event_type`,
  `event_version`,
  `previous_hash`,
  `record_hash`,
  `assurance`,
  `policy_digest`,
  `trace_id`,
  `session_id`,
  `interaction_id`,
  `principal_id`,
  `record`,
  `published_at`,
  `loaded_at`
FROM `audit.events_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
