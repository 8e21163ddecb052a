-- title: Administrative changes
-- question: Who changed policy, keys, legal holds or erased content, and when?
-- description: The list of what administrators did. A change of the policy file names nobody here:
--   its digest leads to the commit in your version control.
-- topic: administration
-- asked by: audit
-- answers: PCI DSS 10.2.1.2
-- answers: PCI DSS 10.2.1.5
-- answers: SOC 2 CC8.1
-- answers: SOC 2 CC6.3
-- answers: HIPAA 164.312(b)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: object_type STRING =; policy, gateway_key, legal_hold or content; empty for all
-- parameter: row_limit INT64 = 200; rows at most
-- column: occurred_at TIMESTAMP; when, UTC
-- column: event_type STRING; what happened
-- column: object_type STRING; what was changed
-- column: object_id STRING; which
-- column: done_by STRING; who did it: mail address, else subject
-- column: about STRING; whom it is about: mail address, else subject
-- column: detail STRING; rules, device, reason or refusal
-- column: event_id STRING; the event, for the proof
SELECT
  occurred_at,
  event_type,
  object_type,
  object_id,
  COALESCE(principal_email, principal_subject) AS done_by,
  COALESCE(holder_email, holder_subject) AS about,
  COALESCE(
    refusal_code,
    reason,
    device_name,
    NULLIF(ARRAY_TO_STRING(ARRAY_CONCAT(rules_added, rules_changed, rules_removed), ', '), '')
  ) AS detail,
  event_id
FROM audit.admin_changes
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND (@object_type = '' OR object_type = @object_type)
ORDER BY occurred_at DESC, event_id
LIMIT @row_limit
