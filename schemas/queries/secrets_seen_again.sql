-- title: Secrets seen more than once
-- question: Was the same secret seen elsewhere, by whom and in which repositories?
-- description: Equal secrets have equal fingerprints, so a leak is followed without anybody knowing
--   the secret. A secret that several people carry is shared; one in several repositories was
--   copied. Rotate those first.
-- topic: secrets
-- asked by: security
-- answers: PCI DSS 8.6.2
-- answers: SOC 2 CC6.1
-- answers: SOC 2 CC7.3
-- parameter: since TIMESTAMP = 90d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: least_people INT64 = 1; only secrets that at least so many people sent
-- column: fingerprint STRING; stands for the secret, which nobody can read from it
-- column: rule_id STRING; masking rule that found it
-- column: finding_count INT64; times it was found
-- column: people INT64; people in whose prompts or answers it stood
-- column: repositories ARRAY<STRING>; repositories that clients named beside it
-- column: first_seen_at TIMESTAMP; first time in the period
-- column: last_seen_at TIMESTAMP; last time in the period
WITH
  seen AS (
    SELECT
      fingerprint,
      MIN(rule_id) AS rule_id,
      COUNT(*) AS finding_count,
      COUNT(DISTINCT principal_id) AS people,
      ARRAY_AGG(repository) AS repositories,
      MIN(occurred_at) AS first_seen_at,
      MAX(occurred_at) AS last_seen_at
    FROM audit.findings
    WHERE occurred_at >= @since AND occurred_at < @until
    GROUP BY fingerprint
  )
SELECT
  fingerprint,
  rule_id,
  finding_count,
  people,
  ARRAY(
    SELECT DISTINCT one FROM UNNEST(repositories) AS one WHERE one IS NOT NULL ORDER BY one
  ) AS repositories,
  first_seen_at,
  last_seen_at
FROM seen
WHERE finding_count > 1 AND people >= @least_people
ORDER BY people DESC, finding_count DESC, fingerprint
