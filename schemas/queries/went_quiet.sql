-- title: People who went quiet
-- question: Who used the gateway regularly and then stopped, though their key still works?
-- description: They left, changed work, or found a way around the gateway: compare with GitHub's own
--   usage report, which counts use per person and day whatever the way. Whoever GitHub counts on
--   days that are quiet here goes around.
-- topic: people
-- asked by: security
-- answers: SOC 2 CC6.6
-- answers: ISO 42001 A.9.2
-- answers: EU AI Act Art. 26(5)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: quiet_days INT64 = 7; no request in the last so many days
-- parameter: least_days INT64 = 5; on at least so many days before
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: active_days INT64; days of use in the period
-- column: interaction_count INT64; requests in the period
-- column: last_at TIMESTAMP; the last request
-- column: quiet_day_count INT64; days since
-- column: clients STRING; programs that they used
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  COUNT(DISTINCT DATE(requested_at)) AS active_days,
  COUNT(*) AS interaction_count,
  MAX(requested_at) AS last_at,
  DATE_DIFF(DATE(@until), DATE(MAX(requested_at)), DAY) AS quiet_day_count,
  STRING_AGG(DISTINCT client_name, ', ' ORDER BY client_name) AS clients
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND principal_kind = 'human'
GROUP BY principal_id
HAVING
  COUNT(DISTINCT DATE(requested_at)) >= @least_days
  AND MAX(requested_at) < TIMESTAMP_SUB(@until, INTERVAL @quiet_days DAY)
ORDER BY active_days DESC, principal_id
