-- title: Models that nobody approved
-- question: Who used, or asked for, a model that is not on the approved list?
-- description: Against a list that you give, whatever the policy says: the policy may be wider than
--   what was approved. A blocked request is an attempt; a completed one is a gap in the policy.
-- topic: use
-- asked by: compliance
-- answers: ISO 42001 A.9.4
-- answers: ISO 42001 A.10.3
-- answers: EU AI Act Art. 26(1)
-- answers: SOC 2 CC9.2
-- parameter: approved ARRAY<STRING>; beginnings of the names of approved models, such as gpt-4.1
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: model STRING; model that answered, else the one that was asked for
-- column: provider STRING; who serves it
-- column: completed_count INT64; answers that it gave
-- column: blocked_count INT64; requests that policy refused
-- column: people INT64; people who asked it
-- column: first_at TIMESTAMP; first request of the period
-- column: last_at TIMESTAMP; last request of the period
-- column: asked_by STRING; who asked, ten at most
-- chart: bar x=model y=completed_count
WITH
  asked AS (
    SELECT
      COALESCE(model_used, model) AS model,
      provider,
      status,
      principal_id,
      COALESCE(principal_email, principal_id) AS who,
      requested_at
    FROM audit.interactions
    WHERE
      requested_at >= @since AND requested_at < @until
      AND COALESCE(model_used, model) IS NOT NULL
  )
SELECT
  model,
  MAX(provider) AS provider,
  COUNTIF(status = 'completed') AS completed_count,
  COUNTIF(status = 'blocked') AS blocked_count,
  COUNT(DISTINCT principal_id) AS people,
  MIN(requested_at) AS first_at,
  MAX(requested_at) AS last_at,
  STRING_AGG(DISTINCT who, ', ' ORDER BY who LIMIT 10) AS asked_by
FROM asked
WHERE NOT EXISTS (SELECT 1 FROM UNNEST(@approved) AS name WHERE STARTS_WITH(asked.model, name))
GROUP BY model
ORDER BY completed_count DESC, model
