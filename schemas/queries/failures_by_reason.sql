-- title: Failures by reason
-- question: Why did requests fail, through which connection and for how many people?
-- description: Refusals by policy are in denied_by_rule; these are requests that policy let go.
-- topic: cost
-- asked by: platform
-- answers: SOC 2 A1.1
-- answers: SOC 2 CC7.3
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: connection STRING; connection of the policy
-- column: reason_code STRING; stable code of the reason
-- column: upstream_status INT64; HTTP status of the upstream, if it answered
-- column: failed_count INT64; requests
-- column: people INT64; people
-- column: first_at TIMESTAMP; the first
-- column: last_at TIMESTAMP; the last
-- chart: bar x=reason_code y=failed_count colour=connection
SELECT
  connection,
  reason_code,
  upstream_status,
  COUNT(*) AS failed_count,
  COUNT(DISTINCT principal_id) AS people,
  MIN(requested_at) AS first_at,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND status = 'failed'
GROUP BY connection, reason_code, upstream_status
ORDER BY failed_count DESC, connection, reason_code, upstream_status
