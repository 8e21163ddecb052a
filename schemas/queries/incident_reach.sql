-- title: What an incident touched
-- question: A secret leaked: who had it, where, since when, and which models and repositories saw it?
-- description: Give its fingerprint, from secrets_seen_again, or from `tailnumber mask` with the
--   tenant's key. Masked findings never reached the provider; recorded ones did. The first line is
--   where it began.
-- topic: secrets
-- asked by: security
-- answers: SOC 2 CC7.4
-- answers: PCI DSS 10.4.3
-- answers: HIPAA 164.308(a)(6)(ii)
-- answers: ISO 42001 A.8.4
-- answers: EU AI Act Art. 26(5)
-- parameter: fingerprint STRING; fingerprint of the secret, or its beginning
-- parameter: since TIMESTAMP = 365d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: first_at TIMESTAMP; first time that this person and repository had it
-- column: last_at TIMESTAMP; last time
-- column: principal_email STRING; who
-- column: principal_id STRING; pseudonym of who
-- column: repository STRING; repository, if the client told
-- column: finding_count INT64; times it was found
-- column: unmasked_count INT64; of them, passed on unmasked to the provider
-- column: session_count INT64; sessions
-- column: models STRING; models whose prompts it stood in
-- column: addresses STRING; addresses that it was sent from
WITH
  found AS (
    SELECT
      f.occurred_at,
      f.principal_id,
      f.principal_email,
      f.session_id,
      f.action = 'recorded' AND f.direction = 'to_upstream' AS unmasked,
      i.repository,
      COALESCE(i.model_used, i.model) AS model,
      i.client_address
    FROM audit.findings AS f
    JOIN audit.interactions AS i ON i.interaction_id = f.interaction_id
    WHERE
      f.occurred_at >= @since AND f.occurred_at < @until
      AND i.requested_at >= TIMESTAMP_SUB(@since, INTERVAL 1 HOUR) AND i.requested_at < @until
      AND STARTS_WITH(f.fingerprint, @fingerprint)
  )
SELECT
  MIN(occurred_at) AS first_at,
  MAX(occurred_at) AS last_at,
  MAX(principal_email) AS principal_email,
  principal_id,
  repository,
  COUNT(*) AS finding_count,
  COUNTIF(unmasked) AS unmasked_count,
  COUNT(DISTINCT session_id) AS session_count,
  STRING_AGG(DISTINCT model, ', ' ORDER BY model) AS models,
  STRING_AGG(DISTINCT client_address, ', ' ORDER BY client_address) AS addresses
FROM found
GROUP BY principal_id, repository
ORDER BY first_at, principal_id, repository
