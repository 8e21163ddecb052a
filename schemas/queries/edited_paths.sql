-- title: Edits in sensitive code
-- question: Whose agents read or changed files in payment, authentication or other named code?
-- description: Files that tools were given, against a regular expression of paths. An edit that the
--   policy refused never reached the file.
-- topic: tools
-- asked by: compliance
-- answers: SOX 404
-- answers: PCI DSS 10.2.1.1
-- answers: SOC 2 CC8.1
-- answers: ISO 42001 A.6.2.8
-- parameter: paths STRING = (^|/)(payments?|billing|auth)/; paths, a regular expression
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 200; rows at most
-- column: file_path STRING; the file, as the tool was given it
-- column: repository STRING; repository, if the client told
-- column: principal_email STRING; whose agent
-- column: principal_id STRING; pseudonym of who
-- column: tools STRING; tools that were given the file
-- column: edit_count INT64; calls that write, execute or delete and were let through
-- column: refused_count INT64; calls that policy refused
-- column: last_at TIMESTAMP; the last call
WITH
  given AS (
    SELECT
      file_path,
      t.repository,
      t.principal_email,
      t.principal_id,
      t.name,
      COALESCE(t.effect, 'allow') IN ('deny', 'review') AS refused,
      COALESCE(t.risk_tier, 'write') <> 'read' AS writes,
      t.occurred_at
    FROM audit.tool_calls AS t
    CROSS JOIN UNNEST(t.file_paths) AS file_path
    WHERE
      t.occurred_at >= @since AND t.occurred_at < @until AND REGEXP_CONTAINS(file_path, @paths)
  )
SELECT
  file_path,
  repository,
  MAX(principal_email) AS principal_email,
  principal_id,
  STRING_AGG(DISTINCT name, ', ' ORDER BY name) AS tools,
  COUNTIF(writes AND NOT refused) AS edit_count,
  COUNTIF(refused) AS refused_count,
  MAX(occurred_at) AS last_at
FROM given
GROUP BY file_path, repository, principal_id
ORDER BY edit_count DESC, file_path, repository, principal_id
LIMIT @row_limit
