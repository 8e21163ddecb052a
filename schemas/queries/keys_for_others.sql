-- title: Keys that people issued to others
-- question: Who issued or revoked keys of somebody else, and who runs a machine's key?
-- description: People issue their own keys. A key issued by one person for another, or for a service
--   account, is an act of an administrator and should have a reason elsewhere.
-- topic: administration
-- asked by: audit
-- answers: SOC 2 CC6.3
-- answers: PCI DSS 10.2.1.5
-- answers: HIPAA 164.308(a)(4)(ii)(C)
-- parameter: since TIMESTAMP = 90d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: occurred_at TIMESTAMP; when, UTC
-- column: event_type STRING; key.issued or key.revoked
-- column: done_by STRING; who did it: mail address, else subject
-- column: holder STRING; whom the key speaks for
-- column: holder_kind STRING; human or service
-- column: key_class STRING; header, path or proxy
-- column: expires_at TIMESTAMP; when the key ends by itself
-- column: gateway_key_id STRING; id of the key
-- column: event_id STRING; the event, for the proof
SELECT
  occurred_at,
  event_type,
  COALESCE(principal_email, principal_subject) AS done_by,
  COALESCE(holder_email, holder_subject) AS holder,
  holder_kind,
  key_class,
  expires_at,
  object_id AS gateway_key_id,
  event_id
FROM audit.admin_changes
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND object_type = 'gateway_key' AND principal_id <> holder_principal_id
ORDER BY occurred_at DESC, event_id
