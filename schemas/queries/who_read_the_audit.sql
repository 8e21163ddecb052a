-- title: Who read the trail
-- question: Who opened recorded texts, whose, how many, and why?
-- description: Each opening of texts is recorded before the first one is shown. Somebody who reads
--   without a case in the reason, or reads one colleague again and again, is to be asked why.
-- topic: administration
-- asked by: audit
-- answers: PCI DSS 10.2.1.3
-- answers: SOC 2 CC6.1
-- answers: HIPAA 164.308(a)(1)(ii)(D)
-- answers: GDPR Art. 32(1)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 200; rows at most
-- column: occurred_at TIMESTAMP; when, UTC
-- column: reader STRING; who read: mail address, else subject
-- column: command STRING; how: query, search, replay or console
-- column: reason STRING; why, in the reader's words
-- column: people INT64; people whose texts were opened
-- column: session_count INT64; sessions
-- column: text_count INT64; texts
-- column: own BOOL; only the reader's own texts
-- column: event_id STRING; the event, for the proof
SELECT
  occurred_at,
  COALESCE(principal_email, principal_subject) AS reader,
  command,
  reason,
  COALESCE(ARRAY_LENGTH(viewed_principal_ids), 0) AS people,
  COALESCE(ARRAY_LENGTH(viewed_session_ids), 0) AS session_count,
  COALESCE(ARRAY_LENGTH(viewed_part_ids), 0) AS text_count,
  NOT EXISTS (SELECT 1 FROM UNNEST(viewed_principal_ids) AS whose WHERE whose <> principal_id)
    AS own,
  event_id
FROM audit.record_views
WHERE occurred_at >= @since AND occurred_at < @until
ORDER BY occurred_at DESC, event_id
LIMIT @row_limit
