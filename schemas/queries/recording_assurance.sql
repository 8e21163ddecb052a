-- title: How surely it was recorded
-- question: How much traffic was recorded in which assurance, by which rule?
-- description: In `strict` no byte leaves before its record is durable. `bracket` and `async` are
--   chosen by a rule and could lose the end of an answer in a crash: nothing sensitive belongs
--   there.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.2.1
-- answers: SOC 2 PI1.4
-- answers: EU AI Act Art. 19(1)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: assurance STRING; strict, bracket or async
-- column: rule_id STRING; rule that chose it
-- column: operation STRING; what it was
-- column: interaction_count INT64; requests
-- column: ratio FLOAT64; share of all requests, 0 to 1
-- column: unfinished_count INT64; of them, without a recorded outcome
-- chart: bar x=operation y=interaction_count colour=assurance
WITH
  counted AS (
    SELECT
      assurance,
      rule_id,
      operation,
      COUNT(*) AS interaction_count,
      COUNTIF(status = 'requested') AS unfinished_count
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until
    GROUP BY assurance, rule_id, operation
  )
SELECT
  assurance,
  rule_id,
  operation,
  interaction_count,
  ROUND(interaction_count / SUM(interaction_count) OVER (), 4) AS ratio,
  unfinished_count
FROM counted
ORDER BY assurance, interaction_count DESC, rule_id, operation
