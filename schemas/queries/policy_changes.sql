-- title: Changes of the policy
-- question: When was the policy changed, in which rules, and what differed in the day after?
-- description: Each change while gateways ran, with the share of refused requests in the day before
--   and the day after it. A change that nobody ordered, or that let through what was refused.
-- topic: policy
-- asked by: audit
-- answers: SOC 2 CC8.1
-- answers: PCI DSS 10.2.1.2
-- answers: HIPAA 164.308(a)(4)(ii)(C)
-- answers: ISO 42001 A.2.4
-- parameter: since TIMESTAMP = 365d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: changed_at TIMESTAMP; when the first gateway took it
-- column: policy_digest STRING; SHA-256 of the policy file from then on
-- column: previous_policy_digest STRING; of the file before
-- column: rules_added STRING; rules that are new
-- column: rules_removed STRING; rules that are gone
-- column: rules_changed STRING; rules that say something else
-- column: sections_changed STRING; other sections that differ
-- column: writer_count INT64; gateway processes that took it
-- column: refused_before FLOAT64; share of requests refused in the day before, 0 to 1
-- column: refused_after FLOAT64; share refused in the day after
WITH
  changes AS (
    SELECT
      object_id AS policy_digest,
      previous_policy_digest,
      MIN(occurred_at) AS changed_at,
      COUNT(DISTINCT writer_id) AS writer_count,
      -- The same file differs from the same file in the same way, whichever gateway tells it.
      MAX(ARRAY_TO_STRING(rules_added, ', ')) AS rules_added,
      MAX(ARRAY_TO_STRING(rules_removed, ', ')) AS rules_removed,
      MAX(ARRAY_TO_STRING(rules_changed, ', ')) AS rules_changed,
      MAX(ARRAY_TO_STRING(sections_changed, ', ')) AS sections_changed
    FROM audit.admin_changes
    WHERE occurred_at >= @since AND occurred_at < @until AND object_type = 'policy'
    GROUP BY policy_digest, previous_policy_digest
  ),
  decided AS (
    SELECT requested_at, status = 'blocked' AS refused
    FROM audit.interactions
    WHERE requested_at >= TIMESTAMP_SUB(@since, INTERVAL 1 DAY) AND requested_at < @until
  ),
  shares AS (
    SELECT
      c.policy_digest,
      c.previous_policy_digest,
      SAFE_DIVIDE(
        COUNTIF(d.refused AND d.requested_at < c.changed_at), COUNTIF(d.requested_at < c.changed_at)
      ) AS refused_before,
      SAFE_DIVIDE(
        COUNTIF(d.refused AND d.requested_at >= c.changed_at),
        COUNTIF(d.requested_at >= c.changed_at)
      ) AS refused_after
    FROM changes AS c
    JOIN decided AS d
      ON d.requested_at >= TIMESTAMP_SUB(c.changed_at, INTERVAL 1 DAY)
      AND d.requested_at < TIMESTAMP_ADD(c.changed_at, INTERVAL 1 DAY)
    GROUP BY c.policy_digest, c.previous_policy_digest
  )
SELECT
  c.changed_at,
  c.policy_digest,
  c.previous_policy_digest,
  c.rules_added,
  c.rules_removed,
  c.rules_changed,
  c.sections_changed,
  c.writer_count,
  ROUND(s.refused_before, 3) AS refused_before,
  ROUND(s.refused_after, 3) AS refused_after
FROM changes AS c
LEFT JOIN shares AS s
  ON s.policy_digest = c.policy_digest AND s.previous_policy_digest = c.previous_policy_digest
ORDER BY changed_at, policy_digest
