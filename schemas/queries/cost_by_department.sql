-- title: Cost by department
-- question: What did each department spend, on how many tokens and people?
-- description: Tokens times the prices of your price list, in its currency. Requests without a price
--   are counted beside it, so that a missing price does not look like no cost.
-- topic: cost
-- asked by: management
-- answers: ISO 42001 A.4.2
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: department STRING; department; null: not in the directory
-- column: cost_center STRING; cost centre
-- column: cost FLOAT64; cost, in the currency beside it
-- column: cost_currency STRING; ISO 4217
-- column: unpriced_count INT64; answers with tokens and without a price
-- column: tokens INT64; tokens, in and out
-- column: people INT64; people
-- column: cost_per_person FLOAT64; cost by person
-- chart: bar x=department y=cost colour=cost_currency
SELECT
  department,
  cost_center,
  ROUND(CAST(COALESCE(SUM(cost_amount), 0) AS FLOAT64), 4) AS cost,
  MAX(cost_currency) AS cost_currency,
  COUNTIF(cost_amount IS NULL AND input_tokens IS NOT NULL) AS unpriced_count,
  SUM(COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)) AS tokens,
  COUNT(DISTINCT principal_id) AS people,
  ROUND(
    SAFE_DIVIDE(CAST(COALESCE(SUM(cost_amount), 0) AS FLOAT64), COUNT(DISTINCT principal_id)), 4
  ) AS cost_per_person
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY department, cost_center
ORDER BY cost DESC, department, cost_center
