-- title: Secrets that came back
-- question: Which secrets did models put into their answers?
-- description: A value in an answer that its own prompt did not hold came from the model's memory, a
--   tool or an earlier turn. A first_seen in an answer is a secret of somebody else.
-- topic: secrets
-- asked by: security
-- answers: SOC 2 CC6.7
-- answers: ISO 42001 A.6.2.6
-- answers: EU AI Act Art. 26(5)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: rule_id STRING; masking rule that found it
-- column: fingerprint STRING; stands for the secret
-- column: answer_count INT64; times in answers
-- column: prompt_count INT64; times in prompts, of anybody
-- column: first_seen STRING; which way it was going the first time
-- column: people INT64; people who got it
-- column: first_at TIMESTAMP; first time in an answer
SELECT
  MIN(rule_id) AS rule_id,
  fingerprint,
  COUNTIF(direction = 'to_client') AS answer_count,
  COUNTIF(direction = 'to_upstream') AS prompt_count,
  IF(
    MIN(IF(direction = 'to_upstream', occurred_at, NULL))
    <= MIN(IF(direction = 'to_client', occurred_at, NULL)),
    'in a prompt',
    'in an answer'
  ) AS first_seen,
  COUNT(DISTINCT IF(direction = 'to_client', principal_id, NULL)) AS people,
  MIN(IF(direction = 'to_client', occurred_at, NULL)) AS first_at
FROM audit.findings
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY fingerprint
HAVING COUNTIF(direction = 'to_client') > 0
ORDER BY first_seen, answer_count DESC, fingerprint
