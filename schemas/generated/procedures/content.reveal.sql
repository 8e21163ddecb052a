-- content.reveal: the texts of one principal and time, opened with the keys of their quarters. A text whose key was erased is not among them.
-- CALL content.reveal('mzxw6ytboi4dknzvgq3tmnbsge', TIMESTAMP '2026-11-01', CURRENT_TIMESTAMP());
-- Rendered; it runs on Google Cloud alone.
CREATE OR REPLACE PROCEDURE `content.reveal`(
  principal STRING, since_at TIMESTAMP, until_at TIMESTAMP
)
BEGIN
  CREATE OR REPLACE TEMP TABLE revealed (
    occurred_at TIMESTAMP, session_id STRING, interaction_id STRING, part_id STRING,
    role STRING, kind STRING, text STRING
  );
  FOR one IN (
    SELECT key_id, kms_resource, wrapped_keyset
    FROM `keys.subject_keys`
    WHERE occurred_at >= TIMESTAMP '2020-01-01 00:00:00+00'
      AND principal_id = principal AND kms_resource IS NOT NULL
  )
  DO
    EXECUTE IMMEDIATE """
INSERT INTO revealed
SELECT
  occurred_at, session_id, interaction_id, part_id, role, kind,
  AEAD.DECRYPT_STRING(
    KEYS.KEYSET_CHAIN(@kms_resource, @wrapped_keyset), ciphertext, part_id
  ) AS text
FROM `content.parts`
WHERE occurred_at >= @since AND occurred_at < @until AND key_id = @key_id
"""
    USING
      one.kms_resource AS kms_resource, one.wrapped_keyset AS wrapped_keyset,
      one.key_id AS key_id, since_at AS since, until_at AS until;
  END FOR;
  SELECT * FROM revealed ORDER BY occurred_at, part_id;
END;
