-- reporting.access_denials: One row per caller that was not let in. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `client_name`,
  `client_version`,
  `client_editor`,
  `reason_code`,
  `method`,
  `path`,
  `http_status`,
  `unverified_key_id`,
  `loaded_at`
FROM `audit.access_denials_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
