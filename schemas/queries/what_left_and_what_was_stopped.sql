-- title: What left and what was stopped
-- question: Which secrets were found on their way, by week: masked before they left, or only noted?
-- description: Masked means that the model provider got a placeholder. Recorded means that a generic
--   finding was noted and went on, as the policy says of tier 2. Read the recorded ones.
-- topic: secrets
-- asked by: compliance
-- answers: SOC 2 CC6.7
-- answers: PCI DSS 10.4.1
-- answers: HIPAA 164.312(e)(1)
-- answers: ISO 42001 A.6.2.6
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: week DATE; Monday of the week, UTC
-- column: rule_id STRING; masking rule that found it
-- column: direction STRING; to_upstream or to_client
-- column: masked_count INT64; replaced by a placeholder
-- column: recorded_count INT64; noted only, and passed on
-- column: people INT64; people concerned
-- chart: bar x=week y=masked_count colour=rule_id
SELECT
  DATE_SUB(DATE(occurred_at), INTERVAL MOD(EXTRACT(DAYOFWEEK FROM occurred_at) + 5, 7) DAY) AS week,
  rule_id,
  direction,
  COUNTIF(action = 'masked') AS masked_count,
  COUNTIF(action = 'recorded') AS recorded_count,
  COUNT(DISTINCT principal_id) AS people
FROM audit.findings
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY week, rule_id, direction
ORDER BY week, rule_id, direction
