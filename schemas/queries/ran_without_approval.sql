-- title: What ran without approval
-- question: Which risky actions did the policy let run, with nobody asked?
-- description: Tool calls of the tiers that you name, and pushes to branches that should be
--   protected. Each line is a rule to write: `on: tool_call` or `on: push` with review or deny.
-- topic: tools
-- asked by: security
-- answers: SOC 2 CC8.1
-- answers: ISO 42001 A.9.2
-- answers: EU AI Act Art. 14(4)
-- answers: PCI DSS 6.5.1
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: tiers ARRAY<STRING> = destructive; risk tiers of tools: execute, network, destructive
-- parameter: protected STRING = ^refs/heads/(main|master|release/.*)$; refs, a regular expression
-- parameter: row_limit INT64 = 200; rows at most
-- column: happened_at TIMESTAMP; when, UTC
-- column: action STRING; tool call, or what the push did to the ref
-- column: what STRING; the tool, or the ref
-- column: principal_email STRING; who
-- column: repository STRING; where, if the client told
-- column: rule_id STRING; rule that let it run; null if no rule watches such calls
-- column: interaction_id STRING; the interaction
-- column: place INT64; place among the calls or refs of the interaction
SELECT
  occurred_at AS happened_at,
  CONCAT(risk_tier, ' tool call') AS action,
  name AS what,
  principal_email,
  repository,
  rule_id,
  interaction_id,
  call_index AS place
FROM audit.tool_calls
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND risk_tier IN UNNEST(@tiers) AND COALESCE(effect, 'allow') IN ('allow', 'mask')
UNION ALL
SELECT
  i.requested_at AS happened_at,
  CONCAT(r.change, ' by push') AS action,
  r.ref AS what,
  i.principal_email,
  i.repository,
  i.rule_id,
  i.interaction_id,
  place
FROM audit.interactions AS i
CROSS JOIN UNNEST(i.refs) AS r WITH OFFSET AS place
WHERE
  i.requested_at >= @since AND i.requested_at < @until
  AND i.operation = 'push' AND i.effect IN ('allow', 'mask') AND r.result = 'ok'
  AND REGEXP_CONTAINS(r.ref, @protected)
ORDER BY happened_at DESC, interaction_id, place, what
LIMIT @row_limit
