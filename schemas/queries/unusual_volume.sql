-- title: Unusual volume
-- question: Whose day was far above their own habit?
-- description: Each person's busiest day against the mean of their other days, in deviations. A
--   machine's key in other hands, or a copy of a code base sent out piece by piece, shows here.
-- topic: people
-- asked by: security
-- answers: SOC 2 CC7.2
-- answers: PCI DSS 10.4.1.1
-- answers: HIPAA 164.308(a)(1)(ii)(D)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: deviations FLOAT64 = 4; only days at least so many standard deviations above the mean
-- parameter: least_bytes INT64 = 1000000; only days with at least so many bytes
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: day DATE; the day, UTC
-- column: prompt_bytes INT64; bytes sent that day
-- column: interaction_count INT64; requests that day
-- column: mean_bytes INT64; mean of their other days in the period
-- column: score FLOAT64; standard deviations above that mean
WITH
  by_day AS (
    SELECT
      principal_id,
      MAX(principal_email) AS principal_email,
      DATE(requested_at) AS day,
      SUM(prompt_bytes) AS prompt_bytes,
      COUNT(*) AS interaction_count
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until
    GROUP BY principal_id, day
  ),
  -- The day itself is left out of its own mean: else one huge day hides itself.
  compared AS (
    SELECT
      d.principal_id,
      MAX(d.principal_email) AS principal_email,
      d.day,
      MAX(d.prompt_bytes) AS prompt_bytes,
      MAX(d.interaction_count) AS interaction_count,
      AVG(o.prompt_bytes) AS mean_bytes,
      STDDEV_SAMP(o.prompt_bytes) AS deviation
    FROM by_day AS d
    JOIN by_day AS o ON o.principal_id = d.principal_id AND o.day <> d.day
    GROUP BY d.principal_id, d.day
    HAVING COUNT(*) >= 5
  )
SELECT
  principal_email,
  principal_id,
  day,
  prompt_bytes,
  interaction_count,
  CAST(ROUND(mean_bytes) AS INT64) AS mean_bytes,
  ROUND(SAFE_DIVIDE(prompt_bytes - mean_bytes, deviation), 1) AS score
FROM compared
WHERE prompt_bytes >= @least_bytes AND prompt_bytes > mean_bytes + @deviations * deviation
ORDER BY prompt_bytes DESC, principal_id, day
