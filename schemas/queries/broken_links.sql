-- title: Broken links of the chain
-- question: Was a record altered or put in another place?
-- description: Each record holds the hash of the one before it. A link that does not fit means that
--   one of the two is not what the gateway wrote. Notebook 04 proves the hashes themselves.
-- topic: integrity
-- asked by: audit
-- answers: PCI DSS 10.3.4
-- answers: SOC 2 PI1.5
-- answers: HIPAA 164.312(c)(2)
-- answers: ISO 27001 A.8.15
-- parameter: since TIMESTAMP = 7d; start of the period
-- parameter: until TIMESTAMP = now; end of the period
-- column: writer_id STRING; gateway process
-- column: sequence INT64; number of the record whose link does not fit
-- column: event_type STRING; what it tells
-- column: occurred_at TIMESTAMP; when
-- column: previous_hash STRING; hash that it names
-- column: hash_before STRING; hash of the record before it
-- column: event_id STRING; the event
WITH
  linked AS (
    SELECT
      writer_id,
      sequence,
      event_type,
      occurred_at,
      previous_hash,
      event_id,
      LAG(sequence) OVER (PARTITION BY writer_id ORDER BY sequence, event_id) AS sequence_before,
      LAG(record_hash) OVER (PARTITION BY writer_id ORDER BY sequence, event_id) AS hash_before
    FROM audit.events
    WHERE occurred_at >= @since AND occurred_at < @until
  )
SELECT
  writer_id,
  sequence,
  event_type,
  occurred_at,
  previous_hash,
  hash_before,
  event_id
FROM linked
WHERE
  -- Two records with one number are as wrong as a link that does not fit.
  sequence_before = sequence OR (sequence_before = sequence - 1 AND hash_before <> previous_hash)
ORDER BY writer_id, sequence, event_id
