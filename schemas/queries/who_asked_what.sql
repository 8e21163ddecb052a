-- title: Who asked what, in order
-- question: What did one person, or everybody, do in the period, in order?
-- description: The trail itself: each interaction with the decision of the policy and how it ended.
--   The texts are not in it; `tailnumber replay SESSION` opens them for a reader who may.
-- topic: use
-- asked by: audit
-- answers: SOC 2 CC7.2
-- answers: PCI DSS 10.2.1.1
-- answers: PCI DSS 10.2.2
-- answers: HIPAA 164.312(b)
-- answers: ISO 42001 A.6.2.8
-- answers: EU AI Act Art. 12(1)
-- parameter: principal_email STRING =; whose, as a part of the mail address; empty for everybody
-- parameter: since TIMESTAMP = 1d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 200; rows at most
-- column: requested_at TIMESTAMP; when it was asked, UTC
-- column: principal_email STRING; who asked
-- column: client_name STRING; with which program
-- column: operation STRING; chat, inline, push and so on
-- column: model STRING; model that answered, else the one that was asked for
-- column: repository STRING; repository, if the client told
-- column: effect STRING; what the policy decided
-- column: rule_id STRING; rule that decided
-- column: status STRING; completed, failed, blocked, or requested if nothing came after
-- column: finding_count INT64; secrets found in prompt and completion
-- column: session_id STRING; session, for the replay
-- column: interaction_id STRING; the interaction
SELECT
  requested_at,
  principal_email,
  client_name,
  operation,
  COALESCE(model_used, model) AS model,
  repository,
  effect,
  rule_id,
  status,
  prompt_finding_count + completion_finding_count AS finding_count,
  session_id,
  interaction_id
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until
  AND (@principal_email = '' OR STRPOS(LOWER(principal_email), LOWER(@principal_email)) > 0)
ORDER BY requested_at, interaction_id
LIMIT @row_limit
