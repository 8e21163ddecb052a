-- title: Tools by risk
-- question: Which tools do models call, how risky are they, and what did the policy say?
-- description: The inventory of what agents do on people's machines. A tool without a tier has a
--   name that tells nothing: look at what it does, and watch it in the policy.
-- topic: tools
-- asked by: security
-- answers: ISO 42001 A.4.4
-- answers: ISO 42001 A.6.2.6
-- answers: EU AI Act Art. 26(5)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: risk_tier STRING; read, write, execute, network, destructive; null: the name tells nothing
-- column: name STRING; tool
-- column: call_count INT64; calls
-- column: allowed_count INT64; let through by a rule
-- column: refused_count INT64; kept from the client
-- column: unwatched_count INT64; calls that no rule looks at
-- column: people INT64; people whose agents called it
-- column: last_at TIMESTAMP; the last call
-- chart: bar x=name y=call_count colour=risk_tier
SELECT
  risk_tier,
  name,
  COUNT(*) AS call_count,
  COUNTIF(effect IN ('allow', 'mask')) AS allowed_count,
  COUNTIF(effect IN ('deny', 'review')) AS refused_count,
  COUNTIF(effect IS NULL) AS unwatched_count,
  COUNT(DISTINCT principal_id) AS people,
  MAX(occurred_at) AS last_at
FROM audit.tool_calls
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY risk_tier, name
ORDER BY call_count DESC, name, risk_tier
