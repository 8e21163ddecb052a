-- title: Generated code that reached a branch
-- question: Which files did an agent edit that the same person pushed soon after, and where to?
-- description: An edit by a tool and then a push of the same file, within the days that you give.
--   It is the code to review first where a person must have checked what a model wrote.
-- topic: tools
-- asked by: compliance
-- answers: SOC 2 CC8.1
-- answers: EU AI Act Art. 14(4)
-- answers: SOX 404
-- parameter: paths STRING = .; paths, a regular expression; . stands for every path
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: days INT64 = 3; longest time from edit to push
-- parameter: row_limit INT64 = 200; rows at most
-- column: pushed_at TIMESTAMP; when it was pushed
-- column: principal_email STRING; who pushed
-- column: repository STRING; to which repository
-- column: ref STRING; to which ref
-- column: file_path STRING; the file
-- column: edited_at TIMESTAMP; last edit by the agent before the push
-- column: edit_count INT64; edits by the agent in the days before the push
-- column: models STRING; models that asked for the edits
-- column: interaction_id STRING; the push
WITH
  edits AS (
    SELECT t.principal_id, t.occurred_at, t.model, edited_path
    FROM audit.tool_calls AS t
    CROSS JOIN UNNEST(t.file_paths) AS edited_path
    WHERE
      t.occurred_at >= TIMESTAMP_SUB(@since, INTERVAL @days DAY) AND t.occurred_at < @until
      AND COALESCE(t.risk_tier, 'write') <> 'read'
      AND COALESCE(t.effect, 'allow') IN ('allow', 'mask')
  ),
  pushes AS (
    SELECT
      i.requested_at,
      i.principal_id,
      i.principal_email,
      i.repository,
      i.interaction_id,
      r.ref,
      file_path
    FROM audit.interactions AS i
    CROSS JOIN UNNEST(i.refs) AS r
    CROSS JOIN UNNEST(i.file_paths) AS file_path
    WHERE
      i.requested_at >= @since AND i.requested_at < @until
      AND i.operation = 'push' AND r.result = 'ok' AND REGEXP_CONTAINS(file_path, @paths)
  )
SELECT
  p.requested_at AS pushed_at,
  MAX(p.principal_email) AS principal_email,
  MAX(p.repository) AS repository,
  p.ref,
  p.file_path,
  MAX(e.occurred_at) AS edited_at,
  COUNT(*) AS edit_count,
  STRING_AGG(DISTINCT e.model, ', ' ORDER BY e.model) AS models,
  p.interaction_id
FROM pushes AS p
JOIN edits AS e
  ON e.principal_id = p.principal_id
  -- A tool names a file by its place on the machine, a push by its place in the repository.
  AND (e.edited_path = p.file_path OR ENDS_WITH(e.edited_path, CONCAT('/', p.file_path)))
  AND e.occurred_at <= p.requested_at
  AND e.occurred_at >= TIMESTAMP_SUB(p.requested_at, INTERVAL @days DAY)
GROUP BY p.interaction_id, p.requested_at, p.ref, p.file_path
ORDER BY pushed_at DESC, interaction_id, ref, file_path
LIMIT @row_limit
