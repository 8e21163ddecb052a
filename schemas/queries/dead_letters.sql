-- title: Messages that were refused
-- question: Which records did the pipeline refuse, where, why, and where do they lie?
-- description: A refused message is kept and never dropped. Mend the cause, then load it again
--   (docs/runbook.md, dead-letters). Until then it is a gap in the trail.
-- topic: integrity
-- asked by: platform
-- answers: PCI DSS 10.7.2
-- answers: SOC 2 PI1.4
-- answers: SOC 2 CC7.2
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: stage STRING; step that refused
-- column: reason_code STRING; stable code of the reason
-- column: event_type STRING; event type, if it could be read
-- column: message_count INT64; messages
-- column: writer_count INT64; gateway processes that they came from
-- column: first_at TIMESTAMP; when the first was published
-- column: last_at TIMESTAMP; when the last was published
-- column: kept_in STRING; where they lie
-- chart: bar x=reason_code y=message_count colour=stage
SELECT
  stage,
  reason_code,
  event_type,
  COUNT(*) AS message_count,
  COUNT(DISTINCT writer_id) AS writer_count,
  MIN(published_at) AS first_at,
  MAX(published_at) AS last_at,
  MIN(kept_in) AS kept_in
FROM audit.dead_letters
WHERE published_at >= @since AND published_at < @until
GROUP BY stage, reason_code, event_type
ORDER BY message_count DESC, stage, reason_code, event_type
