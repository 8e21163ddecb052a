-- title: Policies and what they decided
-- question: Which version of the policy was in force when, and what was decided under each?
-- description: One line for each digest of a policy file. The digest ties a decision to the very
--   file, which your own version control holds.
-- topic: policy
-- asked by: audit
-- answers: SOC 2 CC8.1
-- answers: ISO 42001 A.2.4
-- answers: EU AI Act Art. 12(2)
-- answers: SOX 404
-- parameter: since TIMESTAMP = 90d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: policy_digest STRING; SHA-256 of the policy file
-- column: first_at TIMESTAMP; first decision by it in the period
-- column: last_at TIMESTAMP; last decision
-- column: allowed_count INT64; requests let through
-- column: masked_count INT64; let through under a stricter mask
-- column: refused_count INT64; refused
-- column: rule_count INT64; rules that decided
SELECT
  policy_digest,
  MIN(requested_at) AS first_at,
  MAX(requested_at) AS last_at,
  COUNTIF(effect = 'allow') AS allowed_count,
  COUNTIF(effect = 'mask') AS masked_count,
  COUNTIF(effect IN ('deny', 'review')) AS refused_count,
  COUNT(DISTINCT rule_id) AS rule_count
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY policy_digest
ORDER BY first_at, policy_digest
