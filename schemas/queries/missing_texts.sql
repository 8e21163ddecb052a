-- title: Texts that are not stored
-- question: Which interactions name texts that the content table does not hold?
-- description: A text is stored once in a session and then named by its id. One that is nowhere was
--   not recorded (`content: none`), is past its retention, or was lost. Set the period within the
--   retention of texts.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.5.1
-- answers: SOC 2 PI1.5
-- answers: EU AI Act Art. 26(6)
-- parameter: since TIMESTAMP = 30d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- parameter: session_days INT64 = 7; a session began at most so many days before
-- column: day DATE; day, UTC
-- column: connection STRING; where the requests went
-- column: interaction_count INT64; interactions that name a missing text
-- column: text_count INT64; missing texts
-- column: session_count INT64; sessions concerned
-- chart: line x=day y=text_count colour=connection
WITH
  named AS (
    SELECT i.interaction_id, i.session_id, i.requested_at, i.connection, part_id
    FROM audit.interactions AS i
    CROSS JOIN UNNEST(ARRAY_CONCAT(i.prompt_part_ids, i.completion_part_ids)) AS part_id
    WHERE i.requested_at >= @since AND i.requested_at < @until
  ),
  stored AS (
    SELECT DISTINCT part_id, session_id
    FROM content.parts
    WHERE occurred_at >= TIMESTAMP_SUB(@since, INTERVAL @session_days DAY)
  )
SELECT
  DATE(n.requested_at) AS day,
  n.connection,
  COUNT(DISTINCT n.interaction_id) AS interaction_count,
  COUNT(DISTINCT n.part_id) AS text_count,
  COUNT(DISTINCT n.session_id) AS session_count
FROM named AS n
LEFT JOIN stored AS s ON s.part_id = n.part_id AND s.session_id = n.session_id
WHERE s.part_id IS NULL
GROUP BY day, connection
ORDER BY day, connection
