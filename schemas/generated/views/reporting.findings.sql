-- reporting.findings: One row per secret that was found; it never contains it. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `finding_index`,
  `interaction_id`,
  `session_id`,
  `principal_id`,
  `connection`,
  `operation`,
  `rule_id`,
  `tier`,
  `direction`,
  `action`,
  `location`,
  `part_id`,
  `start_offset`,
  `end_offset`,
  `loaded_at`,
  `repository`,
  `department`,
  `repository_owner`,
  `repository_criticality`
FROM `audit.findings_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `finding_index`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
