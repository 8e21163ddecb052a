-- title: Addresses that try keys
-- question: From which addresses came many refused keys, and did one of them get in?
-- description: Many different key ids or issuers from one address is somebody trying. An accepted
--   request from the same address afterwards is the one to look at.
-- topic: access
-- asked by: security
-- answers: PCI DSS 10.2.1.4
-- answers: SOC 2 CC6.6
-- answers: HIPAA 164.308(a)(5)(ii)(C)
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: least_count INT64 = 20; only addresses with at least so many refusals
-- column: client_address STRING; where they came from
-- column: denial_count INT64; refused requests
-- column: key_count INT64; different key ids that they claimed
-- column: reasons STRING; reasons of the refusals
-- column: first_at TIMESTAMP; the first refusal
-- column: last_at TIMESTAMP; the last refusal
-- column: accepted_after_count INT64; accepted requests from there after the first refusal
-- chart: bar x=client_address y=denial_count
WITH
  refused AS (
    SELECT
      client_address,
      COUNT(*) AS denial_count,
      COUNT(DISTINCT unverified_key_id) AS key_count,
      STRING_AGG(DISTINCT reason_code, ', ' ORDER BY reason_code) AS reasons,
      MIN(occurred_at) AS first_at,
      MAX(occurred_at) AS last_at
    FROM audit.access_denials
    WHERE occurred_at >= @since AND occurred_at < @until AND client_address IS NOT NULL
    GROUP BY client_address
    HAVING COUNT(*) >= @least_count
  ),
  accepted AS (
    SELECT r.client_address, COUNT(*) AS accepted_after_count
    FROM refused AS r
    JOIN audit.interactions AS i ON i.client_address = r.client_address
    WHERE
      i.requested_at >= @since AND i.requested_at < @until AND i.requested_at > r.first_at
    GROUP BY r.client_address
  )
SELECT
  r.client_address,
  r.denial_count,
  r.key_count,
  r.reasons,
  r.first_at,
  r.last_at,
  COALESCE(a.accepted_after_count, 0) AS accepted_after_count
FROM refused AS r
LEFT JOIN accepted AS a ON a.client_address = r.client_address
ORDER BY denial_count DESC, client_address
