-- title: Gaps in the trail
-- question: Is a record missing from any gateway's chain?
-- description: Each gateway process numbers its records from 0 without a gap. A number that is not
--   here was lost, removed, or is still on its way: look again after an hour, then at dead_letters,
--   then run notebook 04.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.3.2
-- answers: PCI DSS 10.3.4
-- answers: SOC 2 PI1.5
-- answers: HIPAA 164.312(c)(1)
-- answers: EU AI Act Art. 12(1)
-- answers: ISO 27001 A.8.15
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: writer_id STRING; gateway process
-- column: first_missing INT64; first number that is missing
-- column: last_missing INT64; last number that is missing
-- column: missing_count INT64; records that are missing
-- column: after_at TIMESTAMP; time of the record before the gap
-- column: before_at TIMESTAMP; time of the record after it
WITH
  numbered AS (
    SELECT
      writer_id,
      sequence,
      occurred_at,
      LEAD(sequence) OVER (PARTITION BY writer_id ORDER BY sequence) AS next_sequence,
      LEAD(occurred_at) OVER (PARTITION BY writer_id ORDER BY sequence) AS next_at
    FROM audit.events
    WHERE occurred_at >= @since AND occurred_at < @until
  )
SELECT
  writer_id,
  sequence + 1 AS first_missing,
  next_sequence - 1 AS last_missing,
  next_sequence - sequence - 1 AS missing_count,
  occurred_at AS after_at,
  next_at AS before_at
FROM numbered
WHERE next_sequence > sequence + 1
ORDER BY writer_id, first_missing
