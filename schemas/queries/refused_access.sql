-- title: Refused access by reason
-- question: Who was refused at the door, why, and from how many addresses?
-- description: Callers without a valid key or token, by day and reason. Many addresses with one
--   reason are somebody trying; one address with one reason is a wrong configuration.
-- topic: access
-- asked by: security
-- answers: PCI DSS 10.2.1.4
-- answers: SOC 2 CC6.1
-- answers: HIPAA 164.312(d)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: day DATE; day, UTC
-- column: reason_code STRING; stable code of the reason
-- column: issuer STRING; issuer that the token claimed, which anybody can write
-- column: denial_count INT64; refused requests
-- column: addresses INT64; addresses that they came from
-- chart: bar x=day y=denial_count colour=reason_code
SELECT
  DATE(occurred_at) AS day,
  reason_code,
  unverified_issuer AS issuer,
  COUNT(*) AS denial_count,
  COUNT(DISTINCT client_address) AS addresses
FROM audit.access_denials
WHERE occurred_at >= @since AND occurred_at < @until
GROUP BY day, reason_code, issuer
ORDER BY day, reason_code, issuer
