-- title: Speed and failures by connection
-- question: How fast do the upstreams answer, and how often do they fail?
-- description: Times as the client saw them. A rise with no rise of failures is the model; failures
--   with one reason are the connection.
-- topic: cost
-- asked by: platform
-- answers: SOC 2 A1.1
-- answers: ISO 42001 A.6.2.6
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: connection STRING; connection of the policy
-- column: operation STRING; what was asked
-- column: interaction_count INT64; requests that went upstream
-- column: failed_count INT64; of them, failed
-- column: failed_ratio FLOAT64; share that failed, 0 to 1
-- column: median_first_seconds FLOAT64; request to first piece of the answer, half of them
-- column: p95_first_seconds FLOAT64; the same, 95 of 100
-- column: p95_seconds FLOAT64; request to end of the answer, 95 of 100
-- column: left_count INT64; clients that left before the end
-- chart: bar x=connection y=p95_first_seconds colour=operation
SELECT
  connection,
  operation,
  COUNT(*) AS interaction_count,
  COUNTIF(status = 'failed') AS failed_count,
  ROUND(COUNTIF(status = 'failed') / COUNT(*), 4) AS failed_ratio,
  ROUND(APPROX_QUANTILES(first_chunk_seconds, 100)[OFFSET(50)], 3) AS median_first_seconds,
  ROUND(APPROX_QUANTILES(first_chunk_seconds, 100)[OFFSET(95)], 3) AS p95_first_seconds,
  ROUND(APPROX_QUANTILES(duration_seconds, 100)[OFFSET(95)], 3) AS p95_seconds,
  COUNTIF(client_left) AS left_count
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND status <> 'blocked'
GROUP BY connection, operation
ORDER BY interaction_count DESC, connection, operation
