-- title: Gateway keys in force
-- question: Which gateway keys work, whose are they, how old, and when were they last used?
-- description: Keys that were issued and neither revoked nor over. Old keys that nobody uses are the
--   ones to take back first: `tailnumber keys revoke ID`. `state` narrows the list: `unused` shows
--   keys without any use in quiet_days.
-- topic: access
-- asked by: security
-- answers: SOC 2 CC6.2
-- answers: PCI DSS 10.2.1.5
-- answers: HIPAA 164.312(a)(2)(i)
-- answers: ISO 42001 A.4.4
-- parameter: known_since TIMESTAMP = 365d; how far back to look for issued keys
-- parameter: until TIMESTAMP = now; the time of the report
-- parameter: quiet_days INT64 = 30; a key without use for so many days is unused
-- parameter: state STRING =; used, unused or never; empty for all
-- parameter: row_limit INT64 = 200; rows at most
-- column: gateway_key_id STRING; id of the key, never the key
-- column: holder STRING; whom it speaks for: mail address, else subject
-- column: holder_kind STRING; human or service
-- column: key_class STRING; header, path or proxy
-- column: device_name STRING; where it lives, as its holder says
-- column: issued_at TIMESTAMP; when it was issued
-- column: age_days INT64; days since then
-- column: expires_at TIMESTAMP; when it ends by itself
-- column: last_used_at TIMESTAMP; last request with it
-- column: state STRING; used, unused (not in quiet_days), never (no use at all)
-- chart: bar x=gateway_key_id y=age_days colour=state
WITH
  changes AS (
    SELECT
      object_id AS gateway_key_id,
      MAX(COALESCE(holder_email, holder_subject)) AS holder,
      MAX(holder_kind) AS holder_kind,
      MAX(key_class) AS key_class,
      MAX(device_name) AS device_name,
      MIN(IF(event_type = 'key.issued', occurred_at, NULL)) AS issued_at,
      MAX(IF(event_type = 'key.revoked', occurred_at, NULL)) AS revoked_at,
      MAX(expires_at) AS expires_at
    FROM audit.admin_changes
    WHERE
      occurred_at >= @known_since AND occurred_at < @until AND object_type = 'gateway_key'
    GROUP BY object_id
  ),
  uses AS (
    SELECT gateway_key_id, MAX(requested_at) AS last_used_at
    FROM audit.interactions
    WHERE
      requested_at >= @known_since AND requested_at < @until AND gateway_key_id IS NOT NULL
    GROUP BY gateway_key_id
  ),
  in_force AS (
    SELECT
      c.gateway_key_id,
      c.holder,
      c.holder_kind,
      c.key_class,
      c.device_name,
      c.issued_at,
      DATE_DIFF(DATE(@until), DATE(c.issued_at), DAY) AS age_days,
      c.expires_at,
      u.last_used_at,
      CASE
        WHEN u.last_used_at IS NULL THEN 'never'
        WHEN u.last_used_at < TIMESTAMP_SUB(@until, INTERVAL @quiet_days DAY) THEN 'unused'
        ELSE 'used'
      END AS state
    FROM changes AS c
    LEFT JOIN uses AS u ON u.gateway_key_id = c.gateway_key_id
    WHERE c.issued_at IS NOT NULL AND c.revoked_at IS NULL AND c.expires_at > @until
  )
SELECT
  gateway_key_id,
  holder,
  holder_kind,
  key_class,
  device_name,
  issued_at,
  age_days,
  expires_at,
  last_used_at,
  state
FROM in_force
WHERE @state = '' OR state = @state
ORDER BY age_days DESC, gateway_key_id
LIMIT @row_limit
