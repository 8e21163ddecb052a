"""Render the procedure that opens sealed texts in BigQuery, for whoever holds the wrapping key.

A view cannot do it: ``KEYS.KEYSET_CHAIN`` takes a wrapped keyset as a literal or a query parameter
only, never from a column ("Argument 2 to KEYS.KEYSET_CHAIN must be a literal or query parameter",
says BigQuery's own analyser, ZetaSQL), and each principal has a keyset a quarter. So the procedure
runs one statement for each key. It runs with the rights of its caller, who needs to read
``keys.subject_keys`` and ``content.parts`` and to decrypt with the Cloud KMS key
(roles/cloudkms.cryptoKeyDecrypter), which lies in the region of the query.

Source: BigQuery documentation, "AEAD encryption functions", KEYS.KEYSET_CHAIN; "Procedural
language", EXECUTE IMMEDIATE … USING.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PROCEDURE_ID: Final = "content.reveal"

# The associated data of AEAD.DECRYPT_STRING is a STRING: its UTF-8 bytes, as the gateway took them.
REVEAL_ONE_KEY: Final = """\
SELECT
  occurred_at, session_id, interaction_id, part_id, role, kind,
  AEAD.DECRYPT_STRING(
    KEYS.KEYSET_CHAIN(@kms_resource, @wrapped_keyset), ciphertext, part_id
  ) AS text
FROM `content.parts`
WHERE occurred_at >= @since AND occurred_at < @until AND key_id = @key_id
"""


@dataclass(frozen=True, slots=True)
class Procedure:
    """Statements with parameters that SQL calls; ``body`` is what stands between BEGIN and END."""

    id: str
    description: str
    example: str
    parameters: Mapping[str, str]
    body: str

    @property
    def statement(self) -> str:
        """Return the statement that creates it."""
        given = ", ".join(f"{name} {kind}" for name, kind in self.parameters.items())
        return (
            f"-- {self.id}: {self.description}\n"
            f"-- {self.example}\n"
            "-- Rendered; it runs on Google Cloud alone.\n"
            f"CREATE OR REPLACE PROCEDURE `{self.id}`(\n  {given}\n)\n{self.body}"
        )


_BODY: Final = '''\
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
{statement}"""
    USING
      one.kms_resource AS kms_resource, one.wrapped_keyset AS wrapped_keyset,
      one.key_id AS key_id, since_at AS since, until_at AS until;
  END FOR;
  SELECT * FROM revealed ORDER BY occurred_at, part_id;
END;
'''


def procedures() -> Mapping[str, Procedure]:
    """Return every procedure by its name; create them after the views that they read."""
    reveal = Procedure(
        PROCEDURE_ID,
        "the texts of one principal and time, opened with the keys of their quarters. A text "
        "whose key was erased is not among them.",
        f"CALL {PROCEDURE_ID}('mzxw6ytboi4dknzvgq3tmnbsge', TIMESTAMP '2026-11-01', "
        "CURRENT_TIMESTAMP());",
        MappingProxyType({"principal": "STRING", "since_at": "TIMESTAMP", "until_at": "TIMESTAMP"}),
        _BODY.format(statement=REVEAL_ONE_KEY),
    )
    return MappingProxyType({reveal.id: reveal})
