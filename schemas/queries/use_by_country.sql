-- title: Use by country
-- question: From which countries was the gateway used, and by whom for the first time there?
-- description: Countries of addresses, by the database that you configured. The country of the
--   directory beside it: a person who works in one country and comes from another travels, or is
--   somebody else.
-- topic: use
-- asked by: compliance
-- answers: SOC 2 CC6.6
-- answers: GDPR Art. 44
-- parameter: home ARRAY<STRING> =; countries that are expected, ISO 3166; all are shown if empty
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: client_country STRING; country of the address
-- column: interaction_count INT64; requests
-- column: people INT64; people
-- column: away_count INT64; people whose directory entry names another country
-- column: who STRING; who, ten at most
-- column: last_at TIMESTAMP; the last request
-- chart: bar x=client_country y=interaction_count
WITH
  located AS (
    SELECT
      client_country,
      principal_id,
      COALESCE(principal_email, principal_id) AS who,
      principal_country <> client_country AS away,
      requested_at
    FROM audit.interactions
    WHERE requested_at >= @since AND requested_at < @until AND client_country IS NOT NULL
  )
SELECT
  client_country,
  COUNT(*) AS interaction_count,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(DISTINCT IF(away, principal_id, NULL)) AS away_count,
  STRING_AGG(DISTINCT who, ', ' ORDER BY who LIMIT 10) AS who,
  MAX(requested_at) AS last_at
FROM located
WHERE client_country NOT IN UNNEST(@home)
GROUP BY client_country
ORDER BY interaction_count DESC, client_country
