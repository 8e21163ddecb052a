"""Close what dead writers left open, with the text that their chunks prove was delivered.

Runs once at the start of a process, before it serves. Its own crash is harmless: the event ids
are derived from the dead writer's, so the next process repeats them and the views show one.
"""

import logging
from typing import Any

import orjson

from ingress.errors import IngressError
from ingress.exchange import Outcome
from ingress.ids import derived_id
from ingress.protocol.stream import CompletionStream
from ingress.protocol.texts import Channel
from ingress.recording.chunks import unpack_chunk
from ingress.recording.recorder import Recorder
from ingress.recording.recovery import OpenInteraction, Orphan
from ingress.routing import protocol_named
from ingress.sealing import Opener
from schemas.message import RECORD_PREFIX

_log = logging.getLogger(__name__)


class _AlreadyMasked:
    """Pass on what was masked before it was sealed."""

    def feed(self, delta: str) -> str:
        return delta

    def finish(self) -> str:
        return ""


async def succeed(orphan: Orphan, recorder: Recorder, opener: Opener) -> None:
    """Record the end of each open interaction of a dead writer, then of the writer itself.

    Raises:
        AuditUnavailable: the journal does not work; the orphan stays for the next start.
    """
    for interaction in orphan.open_interactions:
        record = _opening_record(interaction)
        outcome = _delivered(interaction, record, opener)
        event_id = derived_id(f"{orphan.writer_id}\0{interaction.interaction_id}")
        await recorder.interrupted(record, outcome, event_id)
    if not orphan.closed:
        await recorder.succeeded(orphan.writer_id, orphan.last_sequence, orphan.last_hash)
    _log.info(
        "took over a writer",
        extra={"writer_id": orphan.writer_id, "count": len(orphan.open_interactions)},
    )
    orphan.release()


def _opening_record(interaction: OpenInteraction) -> dict[str, Any]:
    opening: dict[str, Any] = orjson.loads(interaction.opening)
    record: dict[str, Any] = opening[RECORD_PREFIX.decode()[2:-2]]
    return record


def _delivered(interaction: OpenInteraction, record: dict[str, Any], opener: Opener) -> Outcome:
    """Read the chunks back into the completion that the client had got so far."""
    outcome = Outcome(http_status=200 if interaction.chunks else 502)
    protocol = protocol_named(record["protocol"])
    if protocol is None:
        return outcome
    stream = CompletionStream(protocol, _pass, lambda text, _: text)
    outcome.completion = stream.completion
    for payload in interaction.chunks:
        try:
            chunk = unpack_chunk(payload)
            associated = f"{interaction.interaction_id}:{chunk.number}".encode()
            released = opener.open(chunk.key_id, chunk.ciphertext, associated)
            stream.feed(released)
        except (IngressError, ValueError) as error:
            _log.warning(
                "chunk not readable",
                extra={
                    "interaction_id": interaction.interaction_id,
                    "error": type(error).__name__,
                },
            )
            continue
        outcome.chunk_count += 1
        outcome.completion_bytes += len(released)
    return outcome


def _pass(_channel: Channel) -> _AlreadyMasked:
    return _AlreadyMasked()
