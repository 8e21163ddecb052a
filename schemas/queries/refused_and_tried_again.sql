-- title: Refused, and tried again
-- question: Who was refused by a rule and soon after got through with something else?
-- description: A refusal and then an allowed request of the same session within minutes: mostly
--   somebody who took the advice of the message, sometimes a way around the rule.
-- topic: policy
-- asked by: security
-- answers: SOC 2 CC7.3
-- answers: PCI DSS 10.4.3
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: minutes INT64 = 10; so soon after
-- parameter: row_limit INT64 = 100; rows at most
-- column: refused_at TIMESTAMP; when it was refused
-- column: principal_email STRING; who
-- column: rule_id STRING; rule that refused
-- column: reason_code STRING; why
-- column: refused_model STRING; model that was asked for
-- column: next_at TIMESTAMP; next allowed request of the session
-- column: next_model STRING; model of that request
-- column: next_rule STRING; rule that allowed it
-- column: session_id STRING; the session
-- column: interaction_id STRING; the refused interaction
WITH
  steps AS (
    SELECT
      requested_at,
      principal_email,
      session_id,
      interaction_id,
      status,
      rule_id,
      reason_code,
      model,
      LEAD(status) OVER later AS next_status,
      LEAD(requested_at) OVER later AS next_at,
      LEAD(model) OVER later AS next_model,
      LEAD(rule_id) OVER later AS next_rule
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until
    WINDOW later AS (PARTITION BY session_id ORDER BY requested_at, interaction_id)
  )
SELECT
  requested_at AS refused_at,
  principal_email,
  rule_id,
  reason_code,
  model AS refused_model,
  next_at,
  next_model,
  next_rule,
  session_id,
  interaction_id
FROM steps
WHERE
  status = 'blocked' AND next_status <> 'blocked'
  AND next_at <= TIMESTAMP_ADD(requested_at, INTERVAL @minutes MINUTE)
ORDER BY refused_at DESC, interaction_id
LIMIT @row_limit
