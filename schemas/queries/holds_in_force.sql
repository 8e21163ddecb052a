-- title: Legal holds in force
-- question: What is under a legal hold, since when, and how much does it hold?
-- description: A hold keeps its rows beyond retention and stands against an erasure. One that nobody
--   releases keeps personal data for ever.
-- topic: privacy
-- asked by: privacy
-- answers: SOC 2 C1.2
-- answers: GDPR Art. 17(3)
-- answers: HIPAA 164.316(b)(2)(i)
-- parameter: known_since TIMESTAMP = 3653d; how far back to look for holds
-- parameter: until TIMESTAMP = now; the time of the report
-- column: hold_name STRING; name, such as a matter's number
-- column: hold_id STRING; id
-- column: placed_at TIMESTAMP; when it was placed
-- column: age_days INT64; days since then
-- column: placed_by STRING; who placed it: mail address, else subject
-- column: reason STRING; why
-- column: people INT64; people whose rows are held; 0: everybody's
-- column: held_from TIMESTAMP; rows before this time are not held
-- column: held_to TIMESTAMP; rows from this time on are not held
SELECT
  hold_name,
  hold_id,
  placed_at,
  DATE_DIFF(DATE(@until), DATE(placed_at), DAY) AS age_days,
  COALESCE(principal_email, principal_subject) AS placed_by,
  reason,
  COALESCE(ARRAY_LENGTH(held_principal_ids), 0) AS people,
  held_from,
  held_to
FROM audit.legal_holds
WHERE placed_at >= @known_since AND placed_at < @until AND status = 'placed'
ORDER BY placed_at, hold_id
