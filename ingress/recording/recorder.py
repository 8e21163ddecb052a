"""Write the events of the ingress: seal each text, build the record, wait until it is durable.

The records are built as plain dictionaries (a pydantic model costs more than the whole request
may); a test parses every kind of them with the strict models of ``schemas``.
"""

import asyncio
import base64
import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Final, NamedTuple

import orjson

from ingress.context import Context
from ingress.errors import AuditUnavailable, BodyTooLarge, IngressError, Unauthenticated
from ingress.exchange import Exchange, Located, Outcome
from ingress.identity.principal import Principal
from ingress.ids import derived_id, new_id, timestamp, utc_now
from ingress.policy.changes import PolicyChange
from ingress.protocol.edits import edited_paths
from ingress.recording.chunks import pack_chunk
from ingress.recording.journal import Journal
from ingress.sealing import Sealer, part_id, quarter_of
from ingress.tasks import spawn
from schemas.message import CONTENTS_BYTES_MAX, PART_BYTES_MAX

_log = logging.getLogger(__name__)

# Part ids remembered as recorded; about 10 MB. A forgotten part is recorded again, never lost.
KNOWN_PARTS_MAX: Final = 50_000
# Largest record of a prompt, with the texts beside it: the record of its end repeats what it names.
RECORD_BYTES_MAX: Final = 9_000_000
# Pause between tries to record how an interaction ended, seconds.
_RETRY_SECONDS: Final = 1.0
# Kinds of channels that a part's kind tells; every other is text.
_PART_KINDS: Final = {
    "tool_arguments": "tool_arguments",
    "tool_input": "tool_arguments",
    "reasoning": "reasoning",
    "summary": "reasoning",
}
# Members that the journal gives each record anew.
_CHAINED: Final = frozenset({"writer_id", "sequence", "previous_hash"})


class SpokenText(NamedTuple):
    """A masked text on its way into the record."""

    role: str
    kind: str
    location: str
    text: str


class _Subject(NamedTuple):
    """Whose texts these are, and which interaction they belong to."""

    principal_id: str
    quarter: str
    session_id: str
    interaction_id: str


@dataclass(slots=True)
class _Sealed:
    """Parts of one event: all ids in order, the new ones, and their ciphertexts."""

    ids: list[str]
    parts: list[dict[str, Any]]
    contents: list[dict[str, str]]
    by_location: dict[str, str]


class Recorder:
    """Record what happens to interactions and callers.

    Every method that awaits returns when the record is durable and raises ``AuditUnavailable``
    when it cannot become so within the journal's deadline.
    """

    def __init__(self, journal: Journal, sealer: Sealer, part_key: bytes, tenant_id: str) -> None:
        self._journal = journal
        self._sealer = sealer
        self._part_key = part_key
        self._tenant_id = tenant_id
        self._known_parts: dict[str, None] = {}

    # ---- interactions ----

    async def requested(self, exchange: Exchange) -> None:
        """Record the prompt before it goes upstream.

        Raises:
            AuditUnavailable: it is not durable; nothing may go upstream.
            BodyTooLarge: it has too many parts for one record.
            SealingUnavailable: its texts cannot be sealed.
        """
        texts = _prompt_texts(exchange)
        sealed = self._seal(_subject(exchange), texts)
        _place(exchange.findings, sealed)
        exchange.prompt_part_ids = sealed.ids
        record = self._interaction("interaction.requested", exchange)
        await self._append(_subject(exchange), record, sealed, exchange.findings, opens=True)
        exchange.recorded = True

    async def blocked(self, exchange: Exchange, reason_code: str, status: int) -> None:
        """Record a prompt that policy kept from going upstream.

        Raises:
            AuditUnavailable: it is not durable; the refusal says so instead.
            SealingUnavailable: its texts cannot be sealed.
        """
        sealed = self._seal(_subject(exchange), _prompt_texts(exchange))
        _place(exchange.findings, sealed)
        exchange.prompt_part_ids = sealed.ids
        record = self._interaction("interaction.blocked", exchange)
        record["reason_code"] = reason_code
        record["http_status"] = status
        await self._append(_subject(exchange), record, sealed, exchange.findings)

    async def completed(self, exchange: Exchange) -> None:
        """Record an answer that ended as its protocol says.

        Raises:
            AuditUnavailable: it is not durable yet; recording goes on in the background.
        """
        await self._ended(exchange, "interaction.completed", None)

    async def failed(self, exchange: Exchange, reason_code: str) -> None:
        """Record an exchange that broke, with what had come back.

        Raises:
            AuditUnavailable: it is not durable yet; recording goes on in the background.
        """
        await self._ended(exchange, "interaction.failed", reason_code)

    async def chunk(self, exchange: Exchange, number: int, released: bytes) -> None:
        """Make a piece of the answer durable, sealed, before it leaves; it is not published.

        Raises:
            AuditUnavailable: it is not durable; the piece may not leave.
        """
        interaction_id = exchange.interaction_id
        sealed = self._sealer.seal(
            _principal(exchange).principal_id,
            quarter_of(exchange.requested_at),
            f"{interaction_id}:{number}".encode(),
            released,
        )
        await self._journal.append_chunk(
            interaction_id, pack_chunk(sealed.key_id, number, sealed.ciphertext)
        )

    # ---- callers and writers ----

    async def denied(  # noqa: PLR0913  (the facts of a refusal, named at its one call)
        self,
        error: IngressError,
        context: Context,
        *,
        address: str | None,
        method: str,
        path: str,
        status: int,
    ) -> None:
        """Record a caller that was not let in.

        Raises:
            AuditUnavailable: it is not durable.
        """
        record = self._envelope("access.denied", utc_now(), "strict")
        record |= {
            "client": _client(context, address),
            "reason_code": error.code,
            "method": method,
            "path": path,
            "http_status": status,
        }
        if isinstance(error, Unauthenticated) and error.unverified_key_id:
            record["unverified_key_id"] = error.unverified_key_id
        await self._journal.append_event(orjson.dumps(record))

    async def writer_opened(
        self, *, host: str, process_id: int, software_version: str, policy_digest: str
    ) -> None:
        """Begin the chain.

        Raises:
            AuditUnavailable: the journal does not work; the process must not serve.
        """
        record = self._envelope("writer.opened", utc_now(), "strict")
        record |= {
            "host": host,
            "process_id": process_id,
            "software_version": software_version,
            "policy_digest": policy_digest,
        }
        await self._journal.append_event(orjson.dumps(record))

    async def policy_changed(self, change: PolicyChange, *, event_id: str, at: datetime) -> None:
        """Record that another policy is about to decide.

        Args:
            change: what differs.
            event_id: the same at each try, as is ``at``: a record may be durable although the
                wait for it ended.
            at: when the policy was ready.

        Raises:
            AuditUnavailable: it is not durable; the policy before it goes on.
        """
        record = self._envelope("policy.changed", at, "strict")
        record |= {
            "event_id": event_id,
            "previous_policy_digest": change.previous_digest,
            "policy_digest": change.digest,
            "rules_added": change.rules_added,
            "rules_removed": change.rules_removed,
            "rules_changed": change.rules_changed,
            "sections_changed": change.sections_changed,
        }
        await self._journal.append_event(orjson.dumps(record))

    async def writer_closed(self) -> None:
        """End the chain of this process.

        Raises:
            AuditUnavailable: it is not durable; a successor will close the chain.
        """
        record = self._envelope("writer.closed", utc_now(), "strict")
        record |= {"closed_writer_id": self._journal.writer_id, "reason": "stopped"}
        await self._journal.append_event(orjson.dumps(record))

    async def interrupted(self, opening: dict[str, Any], outcome: Outcome, event_id: str) -> None:
        """Record how an interaction ended that a dead writer had begun.

        Args:
            opening: its ``interaction.requested`` record.
            outcome: what the writer's chunks prove to have been delivered.
            event_id: the same at each try, so that a successor of the successor repeats nothing.

        Raises:
            AuditUnavailable: it is not durable.
        """
        requested_at = datetime.fromisoformat(opening["requested_at"])
        subject = _Subject(
            opening["principal"]["principal_id"],
            quarter_of(requested_at),
            opening["session_id"],
            opening["interaction_id"],
        )
        sealed = self._seal(subject, _completion_texts(outcome))
        record = {name: value for name, value in opening.items() if name not in _CHAINED}
        record |= self._envelope("interaction.failed", utc_now(), opening["assurance"])
        record |= _outcome(outcome, sealed)
        record |= {"event_id": event_id, "reason_code": "interrupted"}
        await self._append(subject, record, sealed, [])

    async def succeeded(self, writer_id: str, last_sequence: int, last_hash: str) -> None:
        """Close the chain of a dead writer in this one's.

        Raises:
            AuditUnavailable: it is not durable.
        """
        record = self._envelope("writer.closed", utc_now(), "strict")
        record |= {
            "event_id": derived_id(f"closed\0{writer_id}"),
            "closed_writer_id": writer_id,
            "reason": "interrupted",
        }
        if last_sequence >= 0:
            record |= {"last_sequence": last_sequence, "last_record_hash": last_hash}
        await self._journal.append_event(orjson.dumps(record))

    # ---- building ----

    async def _ended(self, exchange: Exchange, event_type: str, reason_code: str | None) -> None:
        outcome, subject = exchange.outcome, _subject(exchange)
        sealed = self._seal(subject, _completion_texts(outcome))
        _place(outcome.findings, sealed)
        record = self._interaction(event_type, exchange) | _outcome(outcome, sealed)
        record["duration_seconds"] = round(perf_counter() - exchange.began_at, 6)
        if reason_code is not None:
            record["reason_code"] = reason_code
        await self._append(subject, record, sealed, outcome.findings, closes=True)

    async def _append(  # noqa: PLR0913  (one event's parts, assembled at three calls)
        self,
        subject: _Subject,
        record: dict[str, Any],
        sealed: _Sealed,
        findings: Sequence[Located],
        *,
        opens: bool = False,
        closes: bool = False,
    ) -> None:
        record["parts"] = sealed.parts
        record["findings"] = [_finding(found) for found in findings]
        beside, overflow = _split_contents(sealed.contents)
        body, contents = orjson.dumps(record), orjson.dumps(beside)
        if opens and len(body) + len(contents) > RECORD_BYTES_MAX:
            raise BodyTooLarge("The prompt has more parts than one record can name.")
        waiting: list[asyncio.Future[Any]] = [
            self._journal.append_content(
                _overflow_message(record, subject, batch),
                interaction_id=subject.interaction_id,
                closing=closes,
            )
            for batch in overflow
        ]
        own = self._journal.append_event(
            body, contents, interaction_id=subject.interaction_id, opens=opens, closes=closes
        )
        try:
            for future in (*waiting, own):
                await future
        except AuditUnavailable:
            if closes:
                again = self._close_later(subject.interaction_id, body, contents)
                spawn(again, "close interaction")
            raise
        except asyncio.CancelledError:
            # The client left while the record was on its way: the journal keeps it all the same.
            if closes and not own.done():
                await asyncio.shield(own)
            raise
        self._remember(part["part_id"] for part in sealed.parts)

    async def _close_later(self, interaction_id: str, body: bytes, contents: bytes) -> None:
        """Record the end of an interaction when the disk is back; its segments wait for it."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                await self._journal.append_event(
                    body, contents, interaction_id=interaction_id, closes=True
                )
            except AuditUnavailable as error:
                if error.reason == "closed":
                    return
            else:
                return

    def _envelope(self, event_type: str, at: datetime, assurance: str) -> dict[str, Any]:
        return {
            "event_id": new_id(),
            "event_type": event_type,
            "event_version": 1,
            "occurred_at": timestamp(at),
            "tenant_id": self._tenant_id,
            "assurance": assurance,
        }

    def _interaction(self, event_type: str, exchange: Exchange) -> dict[str, Any]:
        decision, route, prompt = exchange.decision, exchange.route, exchange.prompt
        if decision is None:
            raise AssertionError("an interaction is recorded after its decision")
        record = self._envelope(event_type, utc_now(), decision.assurance)
        exchange_ids: dict[str, Any] = {
            "trace_id": exchange.context.trace_id,
            "provider": route.connection.kind if route.connection else None,
            "model": prompt.model,
            "request_id": exchange.context.request_id,
            "turn_id": exchange.context.turn_id,
            "repository": exchange.context.repository,
            "language": prompt.language,
        }
        record |= {name: value for name, value in exchange_ids.items() if value is not None}
        record |= {
            "policy_digest": exchange.policy_digest,
            "session_id": exchange.session_id,
            "interaction_id": exchange.interaction_id,
            "principal": _principal_record(_principal(exchange)),
            "client": _client(exchange.context, exchange.address),
            "requested_at": timestamp(exchange.requested_at),
            "connection": route.connection_name,
            "protocol": route.protocol_name,
            "operation": route.operation,
            "method": exchange.method,
            "path": exchange.path,
            "streamed": prompt.streamed,
            "file_paths": prompt.file_paths,
            "prompt_bytes": len(exchange.body),
            "prompt_part_ids": exchange.prompt_part_ids,
            "effect": decision.effect,
            "rule_id": decision.rule_id,
            "prompt_finding_count": len(exchange.findings),
        }
        return record

    def _seal(self, subject: _Subject, texts: Sequence[SpokenText]) -> _Sealed:
        """Seal the texts that this session has not recorded yet; name them all."""
        sealed = _Sealed([], [], [], {})
        new: set[str] = set()
        for spoken in texts:
            for piece in _pieces(spoken.text.encode("utf-8", "replace")):
                identifier = part_id(self._part_key, subject.session_id, piece)
                sealed.ids.append(identifier)
                sealed.by_location.setdefault(spoken.location, identifier)
                if identifier in self._known_parts or identifier in new:
                    continue
                new.add(identifier)
                key_id, ciphertext = self._sealer.seal(
                    subject.principal_id, subject.quarter, identifier.encode(), piece
                )
                sealed.parts.append(
                    {
                        "part_id": identifier,
                        "role": spoken.role,
                        "kind": spoken.kind,
                        "size_bytes": len(piece),
                        "ciphertext_hash": hashlib.sha256(ciphertext).hexdigest(),
                        "key_id": key_id,
                    }
                )
                sealed.contents.append(
                    {
                        "part_id": identifier,
                        "key_id": key_id,
                        "ciphertext": base64.b64encode(ciphertext).decode(),
                    }
                )
        return sealed

    def _remember(self, identifiers: Iterable[str]) -> None:
        known = self._known_parts
        for identifier in identifiers:
            known[identifier] = None
        while len(known) > KNOWN_PARTS_MAX:
            del known[next(iter(known))]


def _principal(exchange: Exchange) -> Principal:
    if exchange.principal is None:
        raise AssertionError("an exchange is recorded after its caller is known")
    return exchange.principal


def _subject(exchange: Exchange) -> _Subject:
    return _Subject(
        _principal(exchange).principal_id,
        quarter_of(exchange.requested_at),
        exchange.session_id,
        exchange.interaction_id,
    )


def _completion_texts(outcome: Outcome) -> list[SpokenText]:
    return [
        SpokenText("assistant", _PART_KINDS.get(channel.kind, "text"), channel.location, text)
        for channel, text in outcome.completion.whole_texts()
    ]


def _prompt_texts(exchange: Exchange) -> list[SpokenText]:
    return [
        SpokenText(text.role, text.kind, text.location, text.value)
        for text in exchange.prompt.texts
        if text.value
    ]


def _pieces(text: bytes) -> list[bytes]:
    """Cut a long text into parts that fit a message, never inside a code point."""
    if len(text) <= PART_BYTES_MAX:
        return [text] if text else []
    pieces, start = [], 0
    while start < len(text):
        end = min(start + PART_BYTES_MAX, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(text[start:end])
        start = end
    return pieces


def _place(findings: Sequence[Located], sealed: _Sealed) -> None:
    """Tell each finding the part that its text became."""
    for found in findings:
        found.part_id = sealed.by_location.get(found.location)


def _split_contents(
    contents: list[dict[str, str]],
) -> tuple[list[dict[str, str]], list[list[dict[str, str]]]]:
    """Return what fits beside the record, and further batches for messages of their own."""
    batches: list[list[dict[str, str]]] = [[]]
    size = 0
    for content in contents:
        length = len(content["ciphertext"])
        if batches[-1] and size + length > CONTENTS_BYTES_MAX:
            batches.append([])
            size = 0
        batches[-1].append(content)
        size += length
    return batches[0], batches[1:]


def _overflow_message(
    record: dict[str, Any], subject: _Subject, batch: list[dict[str, str]]
) -> bytes:
    ids = {name: record[name] for name in ("event_id", "occurred_at", "tenant_id", "session_id")}
    ids["interaction_id"] = subject.interaction_id
    ids["principal_id"] = subject.principal_id
    return orjson.dumps({"overflow": ids, "contents": batch})


def _principal_record(principal: Principal) -> dict[str, Any]:
    record: dict[str, Any] = {
        "principal_id": principal.principal_id,
        "kind": principal.kind,
        "issuer": principal.issuer,
        "subject": principal.subject,
        "groups": principal.groups,
    }
    if principal.email:
        record["email"] = principal.email
    if principal.key_id:
        record["key_id"] = principal.key_id
    return record


def _client(context: Context, address: str | None) -> dict[str, str]:
    facts = {
        "name": context.client_name,
        "version": context.client_version,
        "editor": context.editor,
        "machine_id": context.machine_id,
        "address": address,
        "user_agent": context.user_agent,
    }
    return {name: value for name, value in facts.items() if value}


def _finding(found: Located) -> dict[str, Any]:
    record = {
        "rule_id": found.rule_id,
        "tier": found.tier,
        "direction": found.direction,
        "action": found.action,
        "location": found.location,
        "start_offset": found.start,
        "end_offset": found.end,
        "fingerprint": found.fingerprint,
    }
    if found.part_id:
        record["part_id"] = found.part_id
    return record


def _outcome(outcome: Outcome, sealed: _Sealed) -> dict[str, Any]:
    completion = outcome.completion
    told = {
        "upstream_status": outcome.upstream_status,
        "upstream_request_id": outcome.upstream_request_id,
        "model_used": completion.model_used,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "cached_tokens": completion.cached_tokens,
        "first_chunk_seconds": outcome.first_chunk_seconds,
    }
    record: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    tool_calls = []
    for channel, tool in completion.tools.items():
        call: dict[str, Any] = {"name": tool.name or "unknown"}
        arguments = "".join(completion.texts.get(channel, ()))
        if paths := edited_paths(tool.name, arguments):
            call["file_paths"] = paths
        if tool.call_id:
            call["call_id"] = tool.call_id
        if channel.location in sealed.by_location:
            call["arguments_part_id"] = sealed.by_location[channel.location]
        tool_calls.append(call)
    record |= {
        "http_status": outcome.http_status,
        "finish_reasons": [completion.finish_reasons[i] for i in sorted(completion.finish_reasons)],
        "completion_bytes": outcome.completion_bytes,
        "completion_part_ids": sealed.ids,
        "completion_finding_count": len(outcome.findings),
        "tool_calls": tool_calls,
        "chunk_count": outcome.chunk_count,
        "client_left": outcome.client_left,
    }
    return record
