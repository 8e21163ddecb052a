-- title: Use without a person
-- question: Which service accounts use the models, from how many addresses and with which keys?
-- description: Machines have no working hours and no conscience: each should be known, run from few
--   addresses and do one thing. Many addresses with one key is a key that travels.
-- topic: people
-- asked by: security
-- answers: SOC 2 CC6.1
-- answers: PCI DSS 10.2.1.2
-- answers: HIPAA 164.312(d)
-- answers: ISO 42001 A.9.2
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: principal_subject STRING; service account, as its issuer names it
-- column: principal_issuer STRING; who vouched for it
-- column: interaction_count INT64; requests
-- column: blocked_count INT64; of them, refused by policy
-- column: key_count INT64; gateway keys that it used
-- column: address_count INT64; addresses that it came from
-- column: models STRING; models that it asked
-- column: last_at TIMESTAMP; last request
-- chart: bar x=principal_subject y=interaction_count
SELECT
  principal_subject,
  principal_issuer,
  COUNT(*) AS interaction_count,
  COUNTIF(status = 'blocked') AS blocked_count,
  COUNT(DISTINCT gateway_key_id) AS key_count,
  COUNT(DISTINCT client_address) AS address_count,
  STRING_AGG(DISTINCT COALESCE(model_used, model), ', ' ORDER BY COALESCE(model_used, model))
    AS models,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until AND principal_kind = 'service'
GROUP BY principal_subject, principal_issuer
ORDER BY interaction_count DESC, principal_subject, principal_issuer
