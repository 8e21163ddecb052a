-- title: What is recorded of one person
-- question: What does the trail hold about this person, from when to when?
-- description: The summary for a request of access by a data subject: each kind of record, how many,
--   and the period. `tailnumber replay` and the export give the records themselves.
-- topic: privacy
-- asked by: privacy
-- answers: GDPR Art. 15
-- answers: SOC 2 P5.1
-- answers: HIPAA 164.312(a)(2)(i)
-- parameter: principal_email STRING; mail address of the person
-- parameter: since TIMESTAMP = 1096d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: record STRING; kind of record
-- column: detail STRING; what it is about
-- column: record_count INT64; how many
-- column: first_at TIMESTAMP; the first, UTC
-- column: last_at TIMESTAMP; the last, UTC
SELECT
  'interaction' AS record,
  operation AS detail,
  COUNT(*) AS record_count,
  MIN(requested_at) AS first_at,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until
  AND LOWER(principal_email) = LOWER(@principal_email)
GROUP BY operation
UNION ALL
SELECT
  'tool call' AS record,
  name AS detail,
  COUNT(*) AS record_count,
  MIN(occurred_at) AS first_at,
  MAX(occurred_at) AS last_at
FROM audit.tool_calls
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND LOWER(principal_email) = LOWER(@principal_email)
GROUP BY name
UNION ALL
SELECT
  'finding' AS record,
  rule_id AS detail,
  COUNT(*) AS record_count,
  MIN(occurred_at) AS first_at,
  MAX(occurred_at) AS last_at
FROM audit.findings
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND LOWER(principal_email) = LOWER(@principal_email)
GROUP BY rule_id
UNION ALL
SELECT
  'text' AS record,
  CONCAT(p.role, ' ', p.kind) AS detail,
  COUNT(*) AS record_count,
  MIN(p.occurred_at) AS first_at,
  MAX(p.occurred_at) AS last_at
FROM content.parts AS p
JOIN audit.interactions AS i ON i.interaction_id = p.interaction_id
WHERE
  p.occurred_at >= @since AND p.occurred_at < @until
  AND i.requested_at >= @since AND i.requested_at < @until
  AND LOWER(i.principal_email) = LOWER(@principal_email)
GROUP BY detail
UNION ALL
SELECT
  'gateway key' AS record,
  event_type AS detail,
  COUNT(*) AS record_count,
  MIN(occurred_at) AS first_at,
  MAX(occurred_at) AS last_at
FROM audit.admin_changes
WHERE
  occurred_at >= @since AND occurred_at < @until
  AND LOWER(holder_email) = LOWER(@principal_email)
GROUP BY event_type
ORDER BY record, detail
