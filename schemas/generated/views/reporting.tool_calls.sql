-- reporting.tool_calls: One row per tool that a model asked a client to run, and what the policy said of it. Filter on occurred_at.
SELECT
  `event_id`,
  `occurred_at`,
  `tenant_id`,
  `writer_id`,
  `sequence`,
  `call_index`,
  `interaction_id`,
  `session_id`,
  `principal_id`,
  `connection`,
  `operation`,
  `model`,
  `repository`,
  `name`,
  `call_id`,
  `file_paths`,
  `effect`,
  `rule_id`,
  `reason_code`,
  `policy_digest`,
  `arguments_part_id`,
  `loaded_at`,
  `department`,
  `repository_owner`,
  `repository_criticality`,
  `risk_tier`,
  `change_kinds`
FROM `audit.tool_calls_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `event_id`, `call_index`, `occurred_at` ORDER BY `loaded_at` DESC) = 1
