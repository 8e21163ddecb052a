-- title: What policy refused
-- question: How often did each rule refuse, whom, and why?
-- description: A rule that refuses many people many times is either doing its work or in the way of
--   somebody's. Read the reason, then the rule.
-- topic: policy
-- asked by: compliance
-- answers: SOC 2 CC6.3
-- answers: PCI DSS 10.2.1.4
-- answers: HIPAA 164.308(a)(4)(ii)(B)
-- answers: ISO 42001 A.9.2
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: rule_id STRING; rule that refused
-- column: reason_code STRING; stable code of the reason
-- column: operation STRING; what was refused
-- column: refused_count INT64; requests and tool calls refused
-- column: people INT64; people refused
-- column: first_at TIMESTAMP; the first of the period
-- column: last_at TIMESTAMP; the last
-- chart: bar x=rule_id y=refused_count colour=operation
WITH
  refused AS (
    SELECT rule_id, reason_code, operation, principal_id, requested_at AS refused_at
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until AND status = 'blocked'
    UNION ALL
    SELECT rule_id, reason_code, 'tool_call' AS operation, principal_id, occurred_at AS refused_at
    FROM audit.tool_calls
    WHERE occurred_at >= @since AND occurred_at < @until AND effect IN ('deny', 'review')
  )
SELECT
  rule_id,
  reason_code,
  operation,
  COUNT(*) AS refused_count,
  COUNT(DISTINCT principal_id) AS people,
  MIN(refused_at) AS first_at,
  MAX(refused_at) AS last_at
FROM refused
GROUP BY rule_id, reason_code, operation
ORDER BY refused_count DESC, rule_id, reason_code, operation
