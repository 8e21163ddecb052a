-- title: Adoption by department
-- question: How many people of each department use assistants, how often, and for what?
-- description: Active people by week. Chat, inline completions and agents (tool calls) are different
--   habits; a department that only completes lines has not begun with agents.
-- topic: use
-- asked by: management
-- answers: EU AI Act Art. 4
-- answers: ISO 42001 A.9.3
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: week DATE; Monday of the week, UTC
-- column: department STRING; department; null: not in the directory
-- column: people INT64; people who used it in the week
-- column: interaction_count INT64; requests
-- column: chat_count INT64; of them, chat
-- column: inline_count INT64; of them, inline completions
-- column: agent_count INT64; of them, answered with tool calls
-- column: requests_per_person FLOAT64; requests by person
-- chart: line x=week y=people colour=department
SELECT
  DATE_SUB(
    DATE(requested_at), INTERVAL MOD(EXTRACT(DAYOFWEEK FROM requested_at) + 5, 7) DAY
  ) AS week,
  department,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(*) AS interaction_count,
  COUNTIF(operation = 'chat') AS chat_count,
  COUNTIF(operation = 'inline') AS inline_count,
  COUNTIF(COALESCE(ARRAY_LENGTH(tool_calls), 0) > 0) AS agent_count,
  ROUND(COUNT(*) / COUNT(DISTINCT principal_id), 3) AS requests_per_person
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY week, department
ORDER BY week, department
