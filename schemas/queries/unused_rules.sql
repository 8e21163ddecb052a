-- title: Rules that decide nothing
-- question: Which rules of the policy did not decide anything in the period?
-- description: A rule is known here once it was added or changed while a gateway ran, or once it
--   decided. One that decides nothing is too narrow, stands below a rule that takes everything, or
--   is about something that nobody does.
-- topic: policy
-- asked by: platform
-- answers: SOC 2 CC8.1
-- answers: ISO 42001 A.2.4
-- parameter: known_since TIMESTAMP = 365d; how far back to look for rules
-- parameter: since TIMESTAMP = 30d; start of the period without a decision
-- parameter: until TIMESTAMP = now; end of the period
-- column: rule_id STRING; the rule
-- column: known_at TIMESTAMP; when it was last added or changed, or first decided
-- column: decided_before_count INT64; decisions before the period
-- column: last_decided_at TIMESTAMP; the last of them
WITH
  changed AS (
    SELECT occurred_at, rule_id, TRUE AS there
    FROM audit.admin_changes AS c
    CROSS JOIN UNNEST(ARRAY_CONCAT(c.rules_added, c.rules_changed)) AS rule_id
    WHERE c.occurred_at >= @known_since AND c.occurred_at < @until
    UNION ALL
    SELECT occurred_at, rule_id, FALSE AS there
    FROM audit.admin_changes AS c
    CROSS JOIN UNNEST(c.rules_removed) AS rule_id
    WHERE c.occurred_at >= @known_since AND c.occurred_at < @until
  ),
  decisions AS (
    SELECT rule_id, requested_at AS decided_at
    FROM audit.interactions
    WHERE requested_at >= @known_since AND requested_at < @until
    UNION ALL
    SELECT rule_id, occurred_at AS decided_at
    FROM audit.tool_calls
    WHERE occurred_at >= @known_since AND occurred_at < @until AND rule_id IS NOT NULL
  ),
  known AS (
    SELECT
      rule_id,
      MAX(IF(there, occurred_at, NULL)) AS added_at,
      MAX(IF(there, NULL, occurred_at)) AS removed_at,
      0 AS decisions,
      CAST(NULL AS TIMESTAMP) AS last_at
    FROM changed
    GROUP BY rule_id
    UNION ALL
    SELECT
      rule_id,
      MIN(decided_at) AS added_at,
      CAST(NULL AS TIMESTAMP) AS removed_at,
      COUNT(*) AS decisions,
      MAX(decided_at) AS last_at
    FROM decisions
    GROUP BY rule_id
  )
SELECT
  rule_id,
  MAX(added_at) AS known_at,
  SUM(decisions) AS decided_before_count,
  MAX(last_at) AS last_decided_at
FROM known
WHERE rule_id <> 'default'
GROUP BY rule_id
HAVING
  COALESCE(MAX(last_at) < @since, TRUE) AND COALESCE(MAX(removed_at) < MAX(added_at), TRUE)
ORDER BY rule_id
