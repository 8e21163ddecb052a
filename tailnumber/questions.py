"""The questions that commands ask: BigQuery SQL with parameters, the same on Google Cloud.

Each filters on its view's partition column, most by ``@since``.
"""

from typing import Final

SESSIONS: Final = """\
SELECT *
FROM `audit.sessions_since`(@since)
ORDER BY last_requested_at DESC
LIMIT @row_limit
"""

SESSION_IDS: Final = """\
SELECT DISTINCT session_id
FROM audit.interactions
WHERE requested_at >= @since AND STARTS_WITH(session_id, @session_id)
ORDER BY session_id
LIMIT 20
"""

TURNS: Final = """\
SELECT
  interaction_id, requested_at, status, operation, protocol, method, path, connection,
  principal_id, principal_subject, principal_email, principal_groups, client_name, client_version,
  model, model_used, repository, file_paths, language, streamed,
  effect, rule_id, reason_code, http_status, finish_reasons,
  input_tokens, output_tokens, prompt_bytes, completion_bytes,
  prompt_part_ids, completion_part_ids, tool_calls,
  prompt_finding_count, completion_finding_count,
  duration_seconds, first_chunk_seconds, chunk_count, client_left
FROM audit.interactions
WHERE requested_at >= @since AND session_id = @session_id
ORDER BY requested_at, interaction_id
"""

PARTS: Final = """\
SELECT part_id, key_id, role, kind, size_bytes, ciphertext, text
FROM content.parts
WHERE occurred_at >= @since AND session_id = @session_id
ORDER BY occurred_at
"""

SEARCHED_PARTS: Final = """\
SELECT
  p.part_id, p.key_id, p.role, p.kind, p.ciphertext, p.text, p.occurred_at, p.session_id,
  p.interaction_id, p.principal_id, i.principal_subject, i.principal_email, i.repository
FROM content.parts AS p
LEFT JOIN (
  SELECT interaction_id, principal_subject, principal_email, repository
  FROM audit.interactions
  WHERE requested_at >= TIMESTAMP_SUB(@since, INTERVAL 1 DAY)
) AS i ON i.interaction_id = p.interaction_id
WHERE p.occurred_at >= @since
  AND (@principal = '' OR @principal IN (p.principal_id, i.principal_email, i.principal_subject))
  AND (@repository = '' OR i.repository = @repository)
ORDER BY p.occurred_at DESC, p.part_id
"""

FINDINGS: Final = """\
SELECT interaction_id, rule_id, tier, direction, action, location, part_id, fingerprint
FROM audit.findings
WHERE occurred_at >= @since AND session_id = @session_id
ORDER BY occurred_at, finding_index
"""

INTERACTION: Final = """\
SELECT
  interaction_id, requested_at, status, operation, method, path, connection, protocol, model,
  repository, file_paths, language, streamed, prompt_bytes,
  principal_id, principal_kind, principal_issuer, principal_subject, principal_email,
  principal_groups, client_name, client_version,
  policy_digest, effect, rule_id, reason_code, assurance
FROM audit.interactions
WHERE requested_at >= @since AND STARTS_WITH(interaction_id, @interaction_id)
ORDER BY requested_at
LIMIT 2
"""

PROMPT_FINDINGS: Final = """\
SELECT rule_id
FROM audit.findings
WHERE occurred_at >= @since AND interaction_id = @interaction_id AND direction = 'to_upstream'
ORDER BY finding_index
"""

DECIDED: Final = """\
SELECT
  i.interaction_id, i.requested_at, i.status, i.operation, i.method, i.path, i.connection,
  i.protocol, i.model, i.repository, i.file_paths, i.language, i.streamed, i.prompt_bytes,
  i.principal_id, i.principal_kind, i.principal_issuer, i.principal_subject, i.principal_email,
  i.principal_groups, i.client_name, i.client_version,
  i.effect, i.rule_id, i.reason_code, i.tool_calls, i.refs, f.finding_rules
FROM audit.interactions AS i
LEFT JOIN (
  SELECT interaction_id, ARRAY_AGG(DISTINCT rule_id) AS finding_rules
  FROM audit.findings
  WHERE occurred_at >= @begin AND occurred_at < TIMESTAMP_ADD(@end, INTERVAL 1 HOUR)
    AND direction = 'to_upstream'
  GROUP BY interaction_id
) AS f ON f.interaction_id = i.interaction_id
WHERE i.requested_at >= @begin AND i.requested_at < @end
"""
