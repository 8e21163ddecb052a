-- integrity.writers: One row per opening and closing of a writer; what was never closed may still run. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `life_writer_id`,
  `status`,
  `host`,
  `process_id`,
  `software_version`,
  `policy_digest`,
  `last_sequence`,
  `last_record_hash`,
  `loaded_at`
FROM `integrity.writers_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
