-- title: Requests without an outcome
-- question: Which requests went upstream and have no record of how they ended?
-- description: The request is durable before it leaves, so a crash shows here and nowhere else. The
--   successor of a crashed process writes the outcome with what was delivered; one that stays open
--   longer than an hour is a gap to explain.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.2.2
-- answers: SOC 2 PI1.4
-- answers: EU AI Act Art. 12(1)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: minutes INT64 = 60; open for at least so many minutes
-- parameter: row_limit INT64 = 100; rows at most
-- column: requested_at TIMESTAMP; when it was asked
-- column: principal_email STRING; who asked
-- column: connection STRING; where it went
-- column: operation STRING; what it was
-- column: model STRING; model that was asked for
-- column: assurance STRING; strict, bracket or async
-- column: writer_id STRING; gateway process
-- column: interaction_id STRING; the interaction
SELECT
  requested_at,
  principal_email,
  connection,
  operation,
  model,
  assurance,
  writer_id,
  interaction_id
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < TIMESTAMP_SUB(@until, INTERVAL @minutes MINUTE)
  AND status = 'requested'
ORDER BY requested_at, interaction_id
LIMIT @row_limit
