-- title: Tools called over MCP
-- question: Which tools of MCP servers were called, by whom, and were secrets among the arguments?
-- description: Calls that the client itself made of a server's tools, with the decision of the
--   policy. Tools that models ask for are in tool_calls_by_risk.
-- topic: tools
-- asked by: security
-- answers: ISO 42001 A.10.3
-- answers: SOC 2 CC9.2
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: connection STRING; connection of the policy
-- column: tool_name STRING; the tool
-- column: call_count INT64; calls
-- column: refused_count INT64; refused by policy
-- column: finding_count INT64; secrets in arguments and results
-- column: people INT64; people who called it
-- column: last_at TIMESTAMP; the last call
-- chart: bar x=tool_name y=call_count
SELECT
  connection,
  tool_name,
  COUNT(*) AS call_count,
  COUNTIF(status = 'blocked') AS refused_count,
  SUM(prompt_finding_count + completion_finding_count) AS finding_count,
  COUNT(DISTINCT principal_id) AS people,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND tool_name IS NOT NULL
GROUP BY connection, tool_name
ORDER BY call_count DESC, connection, tool_name
