-- title: Findings by rule
-- question: How often did each masking rule fire, and with what?
-- description: One line a rule. Few different secrets and many findings: a text that is sent again
--   and again, an agent's history. Many different secrets: a place where they are kept.
-- topic: secrets
-- asked by: platform
-- answers: ISO 42001 A.6.2.6
-- answers: SOC 2 CC6.7
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: rule_id STRING; masking rule
-- column: tier INT64; 1 = provider format, 2 = generic
-- column: finding_count INT64; times it fired
-- column: masked_count INT64; of them, masked
-- column: secret_count INT64; different secrets
-- column: people INT64; people
-- column: last_at TIMESTAMP; the last time
-- chart: bar x=rule_id y=finding_count
SELECT
  rule_id,
  MAX(tier) AS tier,
  COUNT(*) AS finding_count,
  COUNTIF(action = 'masked') AS masked_count,
  COUNT(DISTINCT fingerprint) AS secret_count,
  COUNT(DISTINCT principal_id) AS people,
  MAX(occurred_at) AS last_at
FROM audit.findings
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY rule_id
ORDER BY finding_count DESC, rule_id
