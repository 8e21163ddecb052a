-- title: Limits that were reached
-- question: Who ran into a limit of requests or tokens, and how often?
-- description: The limits of the policy, by person and rule. A limit that stops many people is too
--   low; one that stops one person stopped a loop, or a copy.
-- topic: policy
-- asked by: platform
-- answers: SOC 2 A1.1
-- answers: ISO 42001 A.6.2.6
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: rule_id STRING; rule whose limit it was
-- column: refused_count INT64; requests refused by it
-- column: days INT64; days on which it happened
-- column: last_at TIMESTAMP; the last time
-- chart: bar x=principal_email y=refused_count
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  rule_id,
  COUNT(*) AS refused_count,
  COUNT(DISTINCT DATE(requested_at)) AS days,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until
  AND status = 'blocked' AND reason_code = 'limit_reached'
GROUP BY principal_id, rule_id
ORDER BY refused_count DESC, principal_id, rule_id
