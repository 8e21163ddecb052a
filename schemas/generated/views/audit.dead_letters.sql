-- audit.dead_letters: One row per message or row that a step refused; content never, only where it lies. Filter on published_at.
SELECT
  `dead_letter_id`,
  `published_at`,
  `refused_at`,
  `stage`,
  `reason_code`,
  `reason`,
  `message_id`,
  `message_bytes`,
  `message_hash`,
  `event_id`,
  `event_type`,
  `writer_id`,
  `sequence`,
  `kept_in`
FROM `audit.dead_letters_v1`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `dead_letter_id`, `published_at` ORDER BY `refused_at` DESC, `event_id` DESC) = 1
