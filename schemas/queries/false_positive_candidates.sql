-- title: Findings that are likely no secrets
-- question: Which findings are probably examples or test values?
-- description: One value in the texts of many people and many repositories is seldom a secret: it is
--   a documented example, a test key or a default. Check it, then allow its fingerprint under
--   `masking: allow` with a reason and a last day.
-- topic: secrets
-- asked by: platform
-- answers: ISO 42001 A.6.2.6
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: least_people INT64 = 5; only values that at least so many people have
-- column: fingerprint STRING; stands for the value
-- column: rule_id STRING; masking rule that found it
-- column: tier INT64; 1 = provider format, 2 = generic
-- column: people INT64; people in whose texts it stands
-- column: repository_count INT64; repositories
-- column: finding_count INT64; times it was found
-- column: masked_count INT64; of them, masked
SELECT
  fingerprint,
  MIN(rule_id) AS rule_id,
  MAX(tier) AS tier,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(DISTINCT repository) AS repository_count,
  COUNT(*) AS finding_count,
  COUNTIF(action = 'masked') AS masked_count
FROM audit.findings
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY fingerprint
HAVING COUNT(DISTINCT principal_id) >= @least_people
ORDER BY people DESC, finding_count DESC, fingerprint
