-- title: How late records arrive
-- question: How long does a record take from the gateway to the table, and which days were late?
-- description: Half of the records, 95 of 100, and the slowest, by day. A slow day means that the
--   message queue or the pipeline stood still; the journal kept the records meanwhile.
-- topic: integrity
-- asked by: platform
-- answers: PCI DSS 10.4.1
-- answers: PCI DSS 10.7.2
-- answers: SOC 2 A1.1
-- answers: ISO 27001 A.8.17
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: late_seconds INT64 = 60; a record that takes longer is late
-- column: day DATE; day, UTC
-- column: event_count INT64; records
-- column: late_count INT64; of them, late
-- column: median_seconds FLOAT64; half of them took no longer
-- column: p95_seconds FLOAT64; 95 of 100 took no longer
-- column: slowest_seconds FLOAT64; the slowest
-- chart: line x=day y=p95_seconds
WITH
  timed AS (
    SELECT
      DATE(occurred_at) AS day,
      TIMESTAMP_DIFF(loaded_at, occurred_at, MILLISECOND) / 1000 AS seconds
    FROM audit.events
    WHERE occurred_at >= @since AND occurred_at < @until
  )
SELECT
  day,
  COUNT(*) AS event_count,
  COUNTIF(seconds > @late_seconds) AS late_count,
  ROUND(APPROX_QUANTILES(seconds, 100)[OFFSET(50)], 3) AS median_seconds,
  ROUND(APPROX_QUANTILES(seconds, 100)[OFFSET(95)], 3) AS p95_seconds,
  ROUND(MAX(seconds), 3) AS slowest_seconds
FROM timed
GROUP BY day
ORDER BY day
