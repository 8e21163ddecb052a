"""Verify that a decoded event is the one that was written: record hash, sealed texts, chain. Pure.

What arrives changed is refused. A gap in a chain is told beside the event, which goes on: the
missing record is the loss, not the one that shows it.
"""

import hashlib
from collections import OrderedDict
from typing import Any, Final

from pipeline.decode import Content, Decoded, KeyMessage, Overflow
from pipeline.errors import RefusedError
from schemas.chain import begins, links, record_hash
from schemas.message import commitment

# Writers whose last record is remembered; one writer is one ingress process life.
WRITERS_MAX: Final = 10_000


def verify(event: Decoded) -> None:
    """Check the record hash and every sealed text that came along, or a key against its hash.

    The texts of an overflow stand alone: the record that holds their hashes is another message.

    Raises:
        RefusedError: the record or a text is not what was written.
    """
    if isinstance(event, Overflow):
        return
    if isinstance(event, KeyMessage):
        if sealed_hash(event.wrapped_keyset) != event.fields.wrapped_keyset_hash:
            raise RefusedError("key_mismatch", "a wrapped keyset that does not match its hash")
        return
    if record_hash(event.record) != event.record_hash:
        raise RefusedError("record_hash_mismatch", "record_hash does not match the record")
    if not event.contents:
        return
    parts = {part.part_id: part for part in getattr(event.fields, "parts", ())}
    for content in event.contents:
        part = parts.get(content.part_id)
        if part is None:
            raise RefusedError("content_unknown", "a sealed text that the record does not name")
        if not _is_of(content, part):
            raise RefusedError("content_mismatch", "a text is not the one of the record")


def _is_of(content: Content, part: Any) -> bool:
    """Tell whether a text is sealed, or in clear, as the record's part says."""
    if part.commitment is None:
        sealed, clear = content.ciphertext, content.text
        same = sealed is not None and sealed_hash(sealed) == part.ciphertext_hash
        return same and clear is None and content.key_id == part.key_id
    if content.text is None or content.salt is None or content.ciphertext is not None:
        return False
    return bool(commitment(content.salt, content.text.encode()) == part.commitment)


def sealed_hash(ciphertext: bytes) -> str:
    """Return the lower-case hex SHA-256 of a sealed text."""
    return hashlib.sha256(ciphertext).hexdigest()


class ChainWatch:
    """Follow each writer's chain within one process and tell breaks.

    Right only where one process sees every record of a writer, in order: the micro-batch driver.
    A record seen before is a redelivery, never a break.
    """

    def __init__(self, writers_max: int = WRITERS_MAX) -> None:
        self._writers_max = writers_max
        self._last: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def check(self, writer_id: str, sequence: int, previous_hash: str, this_hash: str) -> bool:
        """Say whether the record follows what was seen of its writer, and remember it."""
        last = self._last.get(writer_id)
        if last is not None and sequence <= last[0]:
            return True
        self._last[writer_id] = (sequence, this_hash)
        self._last.move_to_end(writer_id)
        if len(self._last) > self._writers_max:
            self._last.popitem(last=False)
        if last is not None:
            return links(*last, sequence, previous_hash)
        # A process that starts late sees chains from the middle.
        return sequence > 0 or begins(sequence, previous_hash)
