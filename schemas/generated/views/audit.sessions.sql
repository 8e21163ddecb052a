-- audit.sessions: one row per session, ever. It reads every partition: for a time, ask audit.sessions_since.
WITH
  sessions AS (
    SELECT
      tenant_id,
      session_id,
      principal_id,
      MAX(principal_kind) AS principal_kind,
      MAX(principal_subject) AS principal_subject,
      MAX(principal_email) AS principal_email,
      MAX(client_name) AS client_name,
      MAX(client_version) AS client_version,
      MAX(client_editor) AS client_editor,
      MIN(requested_at) AS first_requested_at,
      MAX(requested_at) AS last_requested_at,
      COUNT(*) AS interaction_count,
      COUNTIF(operation = 'chat') AS chat_count,
      COUNTIF(operation = 'inline') AS inline_count,
      COUNTIF(operation NOT IN ('chat', 'inline')) AS other_count,
      COUNTIF(status = 'requested') AS unfinished_count,
      COUNTIF(status = 'completed') AS completed_count,
      COUNTIF(status = 'failed') AS failed_count,
      COUNTIF(status = 'blocked') AS blocked_count,
      SUM(prompt_finding_count + completion_finding_count) AS finding_count,
      SUM(ARRAY_LENGTH(tool_calls)) AS tool_call_count,
      SUM(input_tokens) AS input_tokens,
      SUM(output_tokens) AS output_tokens,
      ARRAY_AGG(COALESCE(model_used, model)) AS models,
      ARRAY_AGG(repository) AS repositories
    FROM `audit.interactions`
    WHERE requested_at >= TIMESTAMP '1970-01-01 00:00:00+00'
    GROUP BY tenant_id, session_id, principal_id
  )
SELECT
  * REPLACE (
    ARRAY(
      SELECT DISTINCT one FROM UNNEST(models) AS one WHERE one IS NOT NULL ORDER BY one
    ) AS models,
    ARRAY(
      SELECT DISTINCT one FROM UNNEST(repositories) AS one WHERE one IS NOT NULL ORDER BY one
    ) AS repositories
  )
FROM sessions
