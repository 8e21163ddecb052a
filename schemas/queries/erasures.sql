-- title: Erasures
-- question: Whose texts were erased, how long did it take, and which erasures were refused?
-- description: The answer to a person is due within a month. A refusal names the hold that stood
--   against it. `used_after_count` shows whether the person went on working: new texts have new
--   keys.
-- topic: privacy
-- asked by: privacy
-- answers: GDPR Art. 12(3)
-- answers: GDPR Art. 17(1)
-- answers: SOC 2 C1.2
-- answers: SOC 2 P4.3
-- parameter: since TIMESTAMP = 365d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: requested_at TIMESTAMP; when it was asked for
-- column: carried_out_at TIMESTAMP; when it was carried out or refused
-- column: days INT64; days between them
-- column: person STRING; whose texts: mail address, else subject
-- column: done_by STRING; who ran it
-- column: outcome STRING; erased, or the code of the refusal
-- column: key_count INT64; content keys that were destroyed
-- column: reason STRING; why it was asked for
-- column: used_after_count INT64; interactions of the person since then
-- column: erasure_id STRING; id of the erasure
WITH
  erased AS (
    SELECT
      requested_at,
      occurred_at,
      holder_principal_id,
      COALESCE(holder_email, holder_subject) AS person,
      COALESCE(principal_email, principal_subject) AS done_by,
      COALESCE(refusal_code, 'erased') AS outcome,
      COALESCE(ARRAY_LENGTH(content_key_ids), 0) AS key_count,
      reason,
      object_id
    FROM audit.admin_changes
    WHERE occurred_at >= @since AND occurred_at < @until AND object_type = 'content'
  ),
  later AS (
    SELECT e.object_id, COUNT(*) AS used_after_count
    FROM erased AS e
    JOIN audit.interactions AS i ON i.principal_id = e.holder_principal_id
    WHERE
      i.requested_at >= @since AND i.requested_at < @until AND i.requested_at > e.occurred_at
    GROUP BY e.object_id
  )
SELECT
  e.requested_at,
  e.occurred_at AS carried_out_at,
  DATE_DIFF(DATE(e.occurred_at), DATE(e.requested_at), DAY) AS days,
  e.person,
  e.done_by,
  e.outcome,
  e.key_count,
  e.reason,
  COALESCE(l.used_after_count, 0) AS used_after_count,
  e.object_id AS erasure_id
FROM erased AS e
LEFT JOIN later AS l ON l.object_id = e.object_id
ORDER BY requested_at DESC, erasure_id
