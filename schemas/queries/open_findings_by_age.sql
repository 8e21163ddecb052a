-- title: Open findings by age
-- question: Which secrets are still around, and since when?
-- description: A secret is open while it is still seen: it stands in a file that somebody's
--   assistant still reads. One that was not seen for quiet_days is taken as gone. The oldest open
--   ones were never rotated.
-- topic: secrets
-- asked by: security
-- answers: SOC 2 CC7.4
-- answers: PCI DSS 10.4.3
-- answers: HIPAA 164.308(a)(6)(ii)
-- parameter: since TIMESTAMP = 365d; how far back to look for the first time
-- parameter: until TIMESTAMP = now; the day of the report
-- parameter: quiet_days INT64 = 7; a secret not seen for so many days is gone
-- column: age STRING; days from the first time to the report
-- column: rule_id STRING; masking rule that found it
-- column: open_count INT64; secrets of this age that are still seen
-- column: people INT64; people in whose texts they stand
-- column: unmasked_count INT64; of them, secrets that passed at least once unmasked
-- column: oldest_at TIMESTAMP; first time of the oldest
-- chart: bar x=age y=open_count colour=rule_id
WITH
  secrets AS (
    SELECT
      fingerprint,
      MIN(rule_id) AS rule_id,
      MIN(occurred_at) AS first_at,
      MAX(occurred_at) AS last_at,
      LOGICAL_OR(action = 'recorded') AS unmasked,
      ARRAY_AGG(DISTINCT principal_id) AS principals
    FROM audit.findings
    WHERE occurred_at >= @since AND occurred_at < @until
    GROUP BY fingerprint
  ),
  aged AS (
    SELECT
      rule_id,
      first_at,
      unmasked,
      principals,
      fingerprint,
      CASE
        WHEN first_at > TIMESTAMP_SUB(@until, INTERVAL 7 DAY) THEN '00 to 06 days'
        WHEN first_at > TIMESTAMP_SUB(@until, INTERVAL 30 DAY) THEN '07 to 29 days'
        WHEN first_at > TIMESTAMP_SUB(@until, INTERVAL 90 DAY) THEN '30 to 89 days'
        ELSE '90 days and more'
      END AS age
    FROM secrets
    WHERE last_at >= TIMESTAMP_SUB(@until, INTERVAL @quiet_days DAY)
  )
SELECT
  age,
  rule_id,
  COUNT(DISTINCT fingerprint) AS open_count,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(DISTINCT IF(unmasked, fingerprint, NULL)) AS unmasked_count,
  MIN(first_at) AS oldest_at
FROM aged
CROSS JOIN UNNEST(principals) AS principal_id
GROUP BY age, rule_id
ORDER BY age DESC, rule_id
