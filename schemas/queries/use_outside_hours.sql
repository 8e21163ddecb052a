-- title: Use outside working hours
-- question: Who worked with an assistant at night or at the weekend?
-- description: Requests outside the hours that you name, in your zone. Some people work late; a
--   person who never did and now does, or a machine's key that wakes at night, is worth a look.
-- topic: use
-- asked by: security
-- answers: SOC 2 CC7.2
-- answers: HIPAA 164.308(a)(1)(ii)(D)
-- answers: PCI DSS 10.4.1.1
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: zone STRING = UTC; time zone of the hours, such as Europe/Berlin
-- parameter: first_hour INT64 = 7; first working hour of a day
-- parameter: last_hour INT64 = 20; working hours end at this hour
-- parameter: least_count INT64 = 5; only those with at least so many requests outside
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: outside_count INT64; requests outside working hours
-- column: weekend_count INT64; of them, on Saturday or Sunday
-- column: days INT64; days on which it happened
-- column: outside_ratio FLOAT64; share of all their requests, 0 to 1
-- column: last_at TIMESTAMP; the last time, UTC
-- chart: bar x=principal_email y=outside_count
WITH
  timed AS (
    SELECT
      principal_id,
      principal_email,
      requested_at,
      FORMAT_TIMESTAMP('%F', requested_at, @zone) AS day,
      FORMAT_TIMESTAMP('%u', requested_at, @zone) IN ('6', '7') AS weekend,
      CAST(FORMAT_TIMESTAMP('%H', requested_at, @zone) AS INT64) < @first_hour
      OR CAST(FORMAT_TIMESTAMP('%H', requested_at, @zone) AS INT64) >= @last_hour AS night
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until
  )
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  COUNTIF(weekend OR night) AS outside_count,
  COUNTIF(weekend) AS weekend_count,
  COUNT(DISTINCT IF(weekend OR night, day, NULL)) AS days,
  ROUND(COUNTIF(weekend OR night) / COUNT(*), 3) AS outside_ratio,
  MAX(IF(weekend OR night, requested_at, NULL)) AS last_at
FROM timed
GROUP BY principal_id
HAVING COUNTIF(weekend OR night) >= @least_count
ORDER BY outside_count DESC, principal_id
