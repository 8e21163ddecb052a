-- title: Where generated code goes
-- question: Which repositories get how much code from models, and who answers for them?
-- description: Blocks of code in answers and files that tools changed, by repository. Criticality
--   and owner come from the repositories file; without one they are empty.
-- topic: tools
-- asked by: management
-- answers: ISO 42001 A.9.4
-- answers: EU AI Act Art. 26(1)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 100; repositories at most
-- column: repository STRING; the repository
-- column: repository_criticality STRING; how much hangs on it
-- column: repository_owner STRING; team that answers for it
-- column: code_block_count INT64; blocks of code in answers
-- column: edit_count INT64; tool calls that change files
-- column: people INT64; people
-- column: kinds STRING; what the changed files are: code, test, infrastructure and so on
-- chart: bar x=repository y=code_block_count
WITH
  answers AS (
    SELECT
      repository,
      MAX(repository_criticality) AS repository_criticality,
      MAX(repository_owner) AS repository_owner,
      SUM(COALESCE(code_block_count, 0)) AS code_block_count,
      COUNT(DISTINCT principal_id) AS people
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until AND repository IS NOT NULL
    GROUP BY repository
  ),
  edits AS (
    SELECT t.repository, COUNT(DISTINCT CONCAT(t.event_id, CAST(t.call_index AS STRING))) AS calls,
      STRING_AGG(DISTINCT kind, ', ' ORDER BY kind) AS kinds
    FROM audit.tool_calls AS t
    LEFT JOIN UNNEST(t.change_kinds) AS kind
    WHERE
      t.occurred_at >= @since AND t.occurred_at < @until
      AND t.risk_tier IN ('write', 'execute', 'destructive')
      AND COALESCE(t.effect, 'allow') IN ('allow', 'mask')
    GROUP BY t.repository
  )
SELECT
  a.repository,
  a.repository_criticality,
  a.repository_owner,
  a.code_block_count,
  COALESCE(e.calls, 0) AS edit_count,
  a.people,
  e.kinds
FROM answers AS a
LEFT JOIN edits AS e ON e.repository = a.repository
ORDER BY code_block_count DESC, repository
LIMIT @row_limit
