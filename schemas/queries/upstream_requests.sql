-- title: Requests to compare with the provider's records
-- question: Which requests did the provider get from us, under which of its own request ids?
-- description: GitHub and other providers keep records with their own request id. A record of theirs
--   whose id is not here went around the gateway; one here that they lack was changed on its way.
--   Export it as CSV and join on upstream_request_id.
-- topic: access
-- asked by: security
-- answers: SOC 2 CC6.6
-- answers: ISO 42001 A.10.3
-- answers: PCI DSS 10.2.1
-- parameter: connection STRING =; connection of the policy; empty for all
-- parameter: since TIMESTAMP = 1d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: row_limit INT64 = 1000; rows at most
-- column: upstream_request_id STRING; the provider's id; null: it told none
-- column: requested_at TIMESTAMP; when the request was read
-- column: connection STRING; where it went
-- column: path STRING; path of the request
-- column: upstream_status INT64; HTTP status of the provider
-- column: principal_email STRING; who asked
-- column: interaction_id STRING; the interaction
SELECT
  upstream_request_id,
  requested_at,
  connection,
  path,
  upstream_status,
  principal_email,
  interaction_id
FROM audit.interactions
WHERE
  requested_at >= @since AND requested_at < @until
  AND upstream_status IS NOT NULL AND (@connection = '' OR connection = @connection)
ORDER BY requested_at, interaction_id
LIMIT @row_limit
