-- title: The longest sessions
-- question: Which sessions ran longest, and how much did their agents do?
-- description: A session of many hours or hundreds of tool calls is an agent left to itself.
--   Look at what it did with session_timeline.
-- topic: use
-- asked by: security
-- answers: ISO 42001 A.6.2.6
-- answers: EU AI Act Art. 26(5)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 20; sessions at most
-- column: session_id STRING; the session
-- column: principal_email STRING; whose
-- column: client_name STRING; program
-- column: begun_at TIMESTAMP; first request, UTC
-- column: minutes INT64; from the first request to the last
-- column: interaction_count INT64; requests
-- column: tool_call_count INT64; tools that the model called
-- column: denied_tool_call_count INT64; of them, kept from the client by policy
-- column: tokens INT64; tokens, in and out
-- chart: bar x=session_id y=minutes
SELECT
  session_id,
  MAX(principal_email) AS principal_email,
  MAX(client_name) AS client_name,
  MIN(requested_at) AS begun_at,
  DIV(TIMESTAMP_DIFF(MAX(requested_at), MIN(requested_at), MICROSECOND), 60000000) AS minutes,
  COUNT(*) AS interaction_count,
  SUM(COALESCE(ARRAY_LENGTH(tool_calls), 0)) AS tool_call_count,
  SUM(COALESCE(denied_tool_call_count, 0)) AS denied_tool_call_count,
  SUM(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)) AS tokens
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY session_id, principal_id
ORDER BY minutes DESC, tool_call_count DESC, session_id
LIMIT @row_limit
