-- title: Who used which model
-- question: Who used which model, how often and with how many tokens?
-- description: The inventory of models in use, by person. A model that nobody approved stands out
--   here; so does a person whose use is far from everybody else's.
-- topic: use
-- asked by: compliance
-- answers: ISO 42001 A.6.2.8
-- answers: EU AI Act Art. 26(5)
-- answers: NIST AI RMF MAP 1.1
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 100; rows at most
-- column: principal_email STRING; who asked
-- column: principal_id STRING; pseudonym of who asked
-- column: provider STRING; who serves the model
-- column: model STRING; model that answered, else the one that was asked for
-- column: interaction_count INT64; prompts
-- column: input_tokens INT64; tokens of the prompts
-- column: output_tokens INT64; tokens of the completions
-- chart: bar x=principal_email y=interaction_count colour=model
WITH
  asked AS (
    SELECT
      principal_email, principal_id, provider, COALESCE(model_used, model) AS answered_by,
      input_tokens, output_tokens
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until
  )
SELECT
  MAX(principal_email) AS principal_email,
  principal_id,
  provider,
  answered_by AS model,
  COUNT(*) AS interaction_count,
  COALESCE(SUM(input_tokens), 0) AS input_tokens,
  COALESCE(SUM(output_tokens), 0) AS output_tokens
FROM asked
WHERE answered_by IS NOT NULL
GROUP BY principal_id, provider, answered_by
ORDER BY interaction_count DESC, principal_id, model, provider
LIMIT @row_limit
