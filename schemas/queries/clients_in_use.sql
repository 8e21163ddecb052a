-- title: Programs in use
-- question: Which editors, command lines and agents, in which versions, reach the models?
-- description: The inventory of the programs. An old version lacks the fixes of the new one; a
--   program that you do not know is somebody's own.
-- topic: use
-- asked by: platform
-- answers: ISO 42001 A.4.4
-- answers: SOC 2 CC6.8
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 100; rows at most
-- column: client_name STRING; program
-- column: client_version STRING; its version, as it says
-- column: people INT64; people who used it
-- column: interaction_count INT64; requests
-- column: failed_count INT64; of them, failed
-- column: first_at TIMESTAMP; first request of the period
-- column: last_at TIMESTAMP; last request of the period
-- chart: bar x=client_name y=people colour=client_version
SELECT
  client_name,
  client_version,
  COUNT(DISTINCT principal_id) AS people,
  COUNT(*) AS interaction_count,
  COUNTIF(status = 'failed') AS failed_count,
  MIN(requested_at) AS first_at,
  MAX(requested_at) AS last_at
FROM audit.interactions
WHERE requested_at >= @since AND requested_at < @until
GROUP BY client_name, client_version
ORDER BY interaction_count DESC, client_name, client_version
LIMIT @row_limit
