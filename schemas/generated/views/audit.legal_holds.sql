-- audit.legal_holds: One row per placing and release of a legal hold; the view shows each hold's last state. Filter on placed_at.
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
  `status`,
  `hold_id`,
  `hold_name`,
  `reason`,
  `placed_at`,
  `held_principal_ids`,
  `held_session_ids`,
  `held_repositories`,
  `held_from`,
  `held_to`,
  `loaded_at`
FROM `audit.legal_holds_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `hold_id`, `placed_at` ORDER BY `occurred_at` DESC, `loaded_at` DESC, `event_id` DESC) = 1
