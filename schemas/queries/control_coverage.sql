-- title: Evidence of the controls
-- question: How complete was the control of AI use in the period, in numbers?
-- description: One line a month for the auditor's file: how much was recorded, decided, masked,
--   refused, and how much has no outcome. Give it with policy_versions and sequence_gaps.
-- topic: integrity
-- asked by: audit
-- answers: SOC 2 CC4.1
-- answers: ISO 42001 A.6.2.8
-- answers: EU AI Act Art. 26(5)
-- answers: PCI DSS 10.2.1
-- answers: HIPAA 164.308(a)(1)(ii)(D)
-- parameter: since TIMESTAMP = 90d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: month DATE; first day of the month, UTC
-- column: interaction_count INT64; requests
-- column: people INT64; people and service accounts
-- column: with_outcome_ratio FLOAT64; share with a recorded outcome, 0 to 1
-- column: refused_count INT64; refused by policy
-- column: finding_count INT64; secrets found
-- column: masked_prompt_count INT64; requests in whose prompt a secret was found
-- column: strict_ratio FLOAT64; share recorded in strict assurance, 0 to 1
-- column: policy_count INT64; versions of the policy
-- chart: bar x=month y=interaction_count
SELECT
  DATE_TRUNC(DATE(requested_at), MONTH) AS month,
  COUNT(*) AS interaction_count,
  COUNT(DISTINCT principal_id) AS people,
  ROUND(COUNTIF(status <> 'requested') / COUNT(*), 5) AS with_outcome_ratio,
  COUNTIF(status = 'blocked') AS refused_count,
  SUM(prompt_finding_count + completion_finding_count) AS finding_count,
  COUNTIF(prompt_finding_count > 0) AS masked_prompt_count,
  ROUND(COUNTIF(assurance = 'strict') / COUNT(*), 5) AS strict_ratio,
  COUNT(DISTINCT policy_digest) AS policy_count
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY month
ORDER BY month
