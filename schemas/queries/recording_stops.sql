-- title: When recording began, stopped or broke off
-- question: Which gateway processes ran when, and did one end without saying so?
-- description: A process that stops in order says so. One that crashed is closed by its successor,
--   which takes over its journal. One that nobody closed and that is silent for quiet_minutes may
--   have left records behind on its disk.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.2.1.6
-- answers: PCI DSS 10.7.2
-- answers: SOC 2 CC7.2
-- answers: SOC 2 A1.1
-- answers: HIPAA 164.312(b)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: quiet_minutes INT64 = 60; silence after which a process that nobody closed is suspect
-- column: writer_id STRING; gateway process
-- column: opened_at TIMESTAMP; its first record; null: before the period
-- column: last_at TIMESTAMP; its last record in the period
-- column: state STRING; running, stopped, interrupted, or silent: nobody closed it
-- column: record_count INT64; records in the period
-- column: software_version STRING; version of Tailnumber
-- column: host STRING; host that it ran on
WITH
  lives AS (
    SELECT
      life_writer_id AS writer_id,
      MIN(IF(status = 'opened', occurred_at, NULL)) AS opened_at,
      MAX(IF(status = 'opened', NULL, status)) AS closed_as,
      MAX(software_version) AS software_version,
      MAX(host) AS host
    FROM integrity.writers
    WHERE occurred_at >= @since AND occurred_at < @until
    GROUP BY life_writer_id
  ),
  records AS (
    SELECT writer_id, MAX(occurred_at) AS last_at, COUNT(*) AS record_count
    FROM audit.events
    WHERE occurred_at >= @since AND occurred_at < @until
    GROUP BY writer_id
  )
SELECT
  COALESCE(l.writer_id, r.writer_id) AS writer_id,
  l.opened_at,
  r.last_at,
  CASE
    WHEN l.closed_as IS NOT NULL THEN l.closed_as
    WHEN r.last_at >= TIMESTAMP_SUB(@until, INTERVAL @quiet_minutes MINUTE) THEN 'running'
    ELSE 'silent'
  END AS state,
  COALESCE(r.record_count, 0) AS record_count,
  l.software_version,
  l.host
FROM records AS r
FULL JOIN lives AS l ON l.writer_id = r.writer_id
ORDER BY last_at DESC, writer_id
