-- title: One session, step by step
-- question: What happened in this session: requests, tool calls and secrets, in order?
-- description: One line a step, from three tables. A tool call that the policy refused, or a secret
--   on its way out, is seen in its place between the requests.
-- topic: use
-- asked by: security
-- answers: SOC 2 CC7.3
-- answers: PCI DSS 10.2.2
-- answers: HIPAA 164.308(a)(6)(ii)
-- answers: ISO 42001 A.8.4
-- parameter: session_id STRING; session, or the beginning of its id
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: happened_at TIMESTAMP; when, UTC
-- column: step STRING; request, tool call or finding
-- column: what STRING; operation and model, tool, or masking rule
-- column: outcome STRING; status, effect or action
-- column: rule_id STRING; policy rule that decided, if one did
-- column: place STRING; repository, edited files, or where the secret stood
-- column: interaction_id STRING; the interaction that it belongs to
-- column: step_index INT64; place among the steps of one kind at one time
SELECT
  requested_at AS happened_at,
  'request' AS step,
  CONCAT(operation, ' ', COALESCE(model_used, model, '')) AS what,
  status AS outcome,
  rule_id,
  repository AS place,
  interaction_id,
  0 AS step_index
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until AND STARTS_WITH(session_id, @session_id)
UNION ALL
SELECT
  occurred_at AS happened_at,
  'tool call' AS step,
  name AS what,
  COALESCE(effect, 'not watched') AS outcome,
  rule_id,
  ARRAY_TO_STRING(file_paths, ', ') AS place,
  interaction_id,
  call_index AS step_index
FROM audit.tool_calls
WHERE
  occurred_at >= @since AND occurred_at < @until AND STARTS_WITH(session_id, @session_id)
UNION ALL
SELECT
  occurred_at AS happened_at,
  'finding' AS step,
  rule_id AS what,
  CONCAT(action, ' ', direction) AS outcome,
  CAST(NULL AS STRING) AS rule_id,
  location AS place,
  interaction_id,
  finding_index AS step_index
FROM audit.findings
WHERE
  occurred_at >= @since AND occurred_at < @until AND STARTS_WITH(session_id, @session_id)
ORDER BY happened_at, interaction_id, step, step_index
