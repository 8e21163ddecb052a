-- title: Keys that were exposed
-- question: Which gateway keys were shown in a URL or header, and are they still in use?
-- description: A key in a URL ends in histories and logs of others. The gateway refused these
--   requests; the key works until its owner revokes it, so every later use is a risk.
-- topic: access
-- asked by: security
-- answers: SOC 2 CC6.1
-- answers: PCI DSS 10.2.1.4
-- answers: HIPAA 164.308(a)(6)(ii)
-- parameter: since TIMESTAMP = 90d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: gateway_key_id STRING; id that the refused request claimed
-- column: holder STRING; whom the key speaks for, if it was issued in the period
-- column: reason_code STRING; key_in_url or key_in_header
-- column: exposed_count INT64; requests that showed it
-- column: first_at TIMESTAMP; the first of them
-- column: used_after_count INT64; accepted requests with it since then
-- column: revoked_at TIMESTAMP; when it was taken back; null: it was not
WITH
  shown AS (
    SELECT
      unverified_key_id AS gateway_key_id,
      reason_code,
      COUNT(*) AS exposed_count,
      MIN(occurred_at) AS first_at
    FROM audit.access_denials
    WHERE
      occurred_at >= @since AND occurred_at < @until
      AND reason_code IN ('key_in_url', 'key_in_header') AND unverified_key_id IS NOT NULL
    GROUP BY unverified_key_id, reason_code
  ),
  later AS (
    SELECT s.gateway_key_id, s.reason_code, COUNT(*) AS used_after_count
    FROM shown AS s
    JOIN audit.interactions AS i ON i.gateway_key_id = s.gateway_key_id
    WHERE
      i.requested_at >= @since AND i.requested_at < @until AND i.requested_at > s.first_at
    GROUP BY s.gateway_key_id, s.reason_code
  ),
  changes AS (
    SELECT
      object_id AS gateway_key_id,
      MAX(COALESCE(holder_email, holder_subject)) AS holder,
      MAX(IF(event_type = 'key.revoked', occurred_at, NULL)) AS revoked_at
    FROM audit.admin_changes
    WHERE occurred_at >= @since AND occurred_at < @until AND object_type = 'gateway_key'
    GROUP BY object_id
  )
SELECT
  s.gateway_key_id,
  c.holder,
  s.reason_code,
  s.exposed_count,
  s.first_at,
  COALESCE(l.used_after_count, 0) AS used_after_count,
  c.revoked_at
FROM shown AS s
LEFT JOIN later AS l
  ON l.gateway_key_id = s.gateway_key_id AND l.reason_code = s.reason_code
LEFT JOIN changes AS c ON c.gateway_key_id = s.gateway_key_id
ORDER BY used_after_count DESC, gateway_key_id, reason_code
