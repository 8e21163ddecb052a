-- title: The dearest sessions
-- question: Which sessions cost most, and whose were they?
-- description: An agent in a loop costs more in an hour than a person in a month.
-- topic: cost
-- asked by: management
-- answers: ISO 42001 A.6.2.6
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 20; sessions at most
-- column: session_id STRING; the session
-- column: principal_email STRING; whose
-- column: department STRING; department
-- column: client_name STRING; program
-- column: cost FLOAT64; cost, in the currency of the price list
-- column: tokens INT64; tokens, in and out
-- column: interaction_count INT64; requests
-- column: models STRING; models
-- column: begun_at TIMESTAMP; first request
-- chart: bar x=session_id y=cost
SELECT
  session_id,
  MAX(principal_email) AS principal_email,
  MAX(department) AS department,
  MAX(client_name) AS client_name,
  ROUND(CAST(COALESCE(SUM(cost_amount), 0) AS FLOAT64), 4) AS cost,
  SUM(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)) AS tokens,
  COUNT(*) AS interaction_count,
  STRING_AGG(DISTINCT model_used, ', ' ORDER BY model_used) AS models,
  MIN(requested_at) AS begun_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY session_id, principal_id
ORDER BY cost DESC, tokens DESC, session_id
LIMIT @row_limit
