-- title: Cost by model
-- question: Which models cost what, and how much of their input was cached?
-- description: A dear model for short answers, or agents whose history is not cached, show here.
-- topic: cost
-- asked by: management
-- answers: ISO 42001 A.4.2
-- answers: ISO 42001 A.10.3
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: model_used STRING; model that answered
-- column: provider STRING; who serves it
-- column: cost FLOAT64; cost, in the currency of the price list
-- column: interaction_count INT64; answers
-- column: input_tokens INT64; tokens of the prompts
-- column: output_tokens INT64; tokens of the completions
-- column: cached_ratio FLOAT64; share of the input that the provider had cached, 0 to 1
-- column: cost_per_answer FLOAT64; cost by answer
-- chart: bar x=model_used y=cost
SELECT
  model_used,
  MAX(provider) AS provider,
  ROUND(CAST(COALESCE(SUM(cost_amount), 0) AS FLOAT64), 4) AS cost,
  COUNT(*) AS interaction_count,
  SUM(COALESCE(input_tokens, 0)) AS input_tokens,
  SUM(COALESCE(output_tokens, 0)) AS output_tokens,
  ROUND(SAFE_DIVIDE(SUM(COALESCE(cached_tokens, 0)), SUM(input_tokens)), 3) AS cached_ratio,
  ROUND(CAST(COALESCE(SUM(cost_amount), 0) AS FLOAT64) / COUNT(*), 6) AS cost_per_answer
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND model_used IS NOT NULL
GROUP BY model_used
ORDER BY cost DESC, model_used
