-- title: Findings that went out unmasked
-- question: Which suspected secrets were noted and sent on, and what did the policy say?
-- description: Generic findings (tier 2) are noted only, unless the policy masks them. Each line is
--   a reason to set `tier2: mask`, or to write a rule of your own for that kind of secret.
-- topic: secrets
-- asked by: compliance
-- answers: SOC 2 CC6.7
-- answers: HIPAA 164.312(e)(1)
-- answers: PCI DSS 10.4.3
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 100; rows at most
-- column: occurred_at TIMESTAMP; when, UTC
-- column: principal_email STRING; who sent it
-- column: finding_rule STRING; masking rule that found it
-- column: tier INT64; 1 = provider format, 2 = generic
-- column: location STRING; where in the body
-- column: connection STRING; where it went
-- column: effect STRING; what the policy decided of the request
-- column: policy_rule STRING; rule that decided
-- column: interaction_id STRING; the interaction
-- column: finding_index INT64; place among its findings
SELECT
  f.occurred_at,
  f.principal_email,
  f.rule_id AS finding_rule,
  f.tier,
  f.location,
  f.connection,
  i.effect,
  i.rule_id AS policy_rule,
  f.interaction_id,
  f.finding_index
FROM audit.findings AS f
JOIN audit.interactions AS i ON i.interaction_id = f.interaction_id
WHERE
  f.occurred_at >= @since AND f.occurred_at < @until
  AND i.requested_at >= TIMESTAMP_SUB(@since, INTERVAL 1 HOUR) AND i.requested_at < @until
  AND f.action = 'recorded' AND f.direction = 'to_upstream' AND i.status <> 'blocked'
ORDER BY occurred_at DESC, interaction_id, finding_index
LIMIT @row_limit
