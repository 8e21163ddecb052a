-- title: Who sends secrets
-- question: Whose prompts carry secrets, how many different ones, and from which repositories?
-- description: A person with many different secrets keeps them in files that the assistant reads:
--   talk to them, and name these files in `exclude`.
-- topic: secrets
-- asked by: security
-- answers: SOC 2 CC7.3
-- answers: HIPAA 164.308(a)(5)(i)
-- answers: EU AI Act Art. 4
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 50; people at most
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: secret_count INT64; different secrets
-- column: finding_count INT64; times they were found
-- column: rules STRING; masking rules that found them
-- column: repositories STRING; repositories that clients named beside them
-- column: last_at TIMESTAMP; the last time
-- chart: bar x=principal_email y=secret_count
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  COUNT(DISTINCT fingerprint) AS secret_count,
  COUNT(*) AS finding_count,
  STRING_AGG(DISTINCT rule_id, ', ' ORDER BY rule_id) AS rules,
  STRING_AGG(DISTINCT repository, ', ' ORDER BY repository) AS repositories,
  MAX(occurred_at) AS last_at
FROM audit.findings
WHERE occurred_at >= @since AND occurred_at < @until AND direction = 'to_upstream'
GROUP BY principal_id
ORDER BY secret_count DESC, finding_count DESC, principal_id
LIMIT @row_limit
