-- title: Prompts without a text
-- question: Where were prompts recorded without their texts?
-- description: `content: none` keeps metadata and findings only; a path that the gateway does not
--   read (`unknown_paths: pass`) has no text either. Each line is a choice that somebody should have
--   made on purpose.
-- topic: privacy
-- asked by: compliance
-- answers: EU AI Act Art. 26(6)
-- answers: ISO 42001 A.6.2.8
-- answers: SOC 2 C1.1
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: connection STRING; where the requests went
-- column: operation STRING; what they were
-- column: rule_id STRING; rule that let them go
-- column: interaction_count INT64; completed requests with a body and without a recorded text
-- column: prompt_bytes INT64; bytes that they sent
-- column: people INT64; people
-- column: last_at TIMESTAMP; the last
-- chart: bar x=operation y=interaction_count colour=connection
SELECT
  connection,
  operation,
  rule_id,
  COUNT(*) AS interaction_count,
  SUM(prompt_bytes) AS prompt_bytes,
  COUNT(DISTINCT principal_id) AS people,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until
  AND status = 'completed' AND prompt_bytes > 0
  AND COALESCE(ARRAY_LENGTH(prompt_part_ids), 0) = 0 AND operation NOT IN ('push', 'fetch')
GROUP BY connection, operation, rule_id
ORDER BY interaction_count DESC, connection, operation, rule_id
