"""Write the events of the ingress: seal each text, build the record, wait until it is durable.

What the records say is built in ``records``, the parts in ``parts``.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, Final, NamedTuple

import orjson

from ingress.context import Context, printable
from ingress.errors import (
    AuditUnavailable,
    BodyTooLarge,
    IngressError,
    SealingUnavailable,
    Unauthenticated,
)
from ingress.exchange import Exchange, Located, Outcome
from ingress.identity.issuers import IssuersChange
from ingress.identity.principal import Principal
from ingress.ids import derived_id, new_id, timestamp, utc_now
from ingress.policy.changes import PolicyChange
from ingress.recording.chunks import pack_chunk
from ingress.recording.journal import Journal
from ingress.recording.parts import (
    PartSealer,
    SealedParts,
    Subject,
    completion_texts,
    content_mode_of,
    decision_of,
    joined_contents,
    place_findings,
    principal_of,
    prompt_texts,
    split_contents,
    subject_of,
)
from ingress.recording.records import (
    client_record,
    finding_record,
    interaction_record,
    outcome_record,
    overflow_message,
    principal_record,
)
from ingress.sealing import Sealer, quarter_of
from ingress.tasks import spawn

_log = logging.getLogger(__name__)

# Largest record of a prompt, with the texts beside it: the record of its end repeats what it names.
RECORD_BYTES_MAX: Final = 9_000_000
# Longest claim of a refused credential that is recorded, and as much of it as is masked before.
_CLAIM_MAX: Final = 256
_MASKED_CLAIM_MAX: Final = 4096
# Longest wait for a content key that PostgreSQL or Cloud KMS has, seconds; then 503.
_KEY_SECONDS: Final = 0.9
# Pause between tries to record how an interaction ended, seconds.
_RETRY_SECONDS: Final = 1.0
# Members that the journal gives each record anew.
_CHAINED: Final = frozenset({"writer_id", "sequence", "previous_hash"})
# Members that each event of an interaction has for itself.
_PARTED: Final = frozenset({"parts", "findings"})


class Recorder:
    """Record what happens to interactions and callers.

    Every method that awaits returns when the record is durable and raises ``AuditUnavailable``
    when it cannot become so within the journal's deadline.
    """

    def __init__(self, journal: Journal, sealer: Sealer, part_key: bytes, tenant_id: str) -> None:
        self._journal = journal
        self._sealer = sealer
        self._parts = PartSealer(sealer, part_key)
        self._tenant_id = tenant_id

    # ---- interactions ----

    async def requested(self, exchange: Exchange) -> None:
        """Record the prompt before it goes upstream.

        Raises:
            AuditUnavailable: it is not durable; nothing may go upstream.
            BodyTooLarge: it has too many parts for one record.
            SealingUnavailable: its texts cannot be sealed.
        """
        subject = subject_of(exchange)
        sealed = await self._seal_prompt(subject, exchange)
        event = self._event("interaction.requested", exchange)
        await self._append(subject, event, {}, sealed, exchange.findings, opens=True)
        exchange.recorded = True

    async def blocked(self, exchange: Exchange, reason_code: str, status: int) -> None:
        """Record a prompt that policy kept from going upstream.

        Raises:
            AuditUnavailable: it is not durable; the refusal says so instead.
            SealingUnavailable: its texts cannot be sealed.
        """
        subject = subject_of(exchange)
        sealed = await self._seal_prompt(subject, exchange)
        event = self._event("interaction.blocked", exchange)
        told = {"reason_code": reason_code, "http_status": status}
        await self._append(subject, event, told, sealed, exchange.findings)

    async def _seal_prompt(self, subject: Subject, exchange: Exchange) -> SealedParts:
        await self._have_key(subject)
        sealed = self._parts.seal(subject, prompt_texts(exchange), content_mode_of(exchange))
        place_findings(exchange.findings, sealed)
        exchange.prompt_part_ids = sealed.ids
        return sealed

    async def _have_key(self, subject: Subject) -> None:
        """Wait for the content key where it comes over the network, but not for long."""
        if self._sealer.waits(subject.principal_id, subject.quarter):
            try:
                async with asyncio.timeout(_KEY_SECONDS):
                    await asyncio.to_thread(
                        self._sealer.prepare, subject.principal_id, subject.quarter
                    )
            except TimeoutError:
                raise SealingUnavailable("a content key did not come in time") from None

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
            principal_of(exchange).principal_id,
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
        mask: Callable[[str], str],
    ) -> None:
        """Record a caller that was not let in.

        Args:
            error: why; what it quotes of the credential is recorded as unverified.
            context: what the headers tell.
            address: of the client.
            method: of the request.
            path: of the request, masked.
            status: that the client gets.
            mask: returns a text without its secrets.

        Raises:
            AuditUnavailable: it is not durable.
        """
        record = self._envelope("access.denied", utc_now(), "strict")
        record |= {
            "client": client_record(context, address),
            "reason_code": error.code,
            "method": method,
            "path": path,
            "http_status": status,
        }
        if isinstance(error, Unauthenticated):
            if error.unverified_key_id:
                record["unverified_key_id"] = error.unverified_key_id
            if error.unverified_issuer:
                # Masked before it is cut: a secret must be whole to be recognised.
                whole = printable(
                    error.unverified_issuer.encode("ascii", "backslashreplace"), _MASKED_CLAIM_MAX
                )
                record["unverified_issuer"] = mask(whole)[:_CLAIM_MAX]
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

    async def issuers_changed(self, change: IssuersChange, *, event_id: str, at: datetime) -> None:
        """Record that tokens of other issuers are about to let callers in.

        Args:
            change: what differs.
            event_id: the same at each try, as is ``at``; see ``policy_changed``.
            at: when the issuers were ready.

        Raises:
            AuditUnavailable: it is not durable; the issuers before stay.
        """
        record = self._envelope("issuers.changed", at, "strict")
        record |= {
            "event_id": event_id,
            "issuers_added": change.added,
            "issuers_removed": change.removed,
            "issuers_changed": change.changed,
        }
        await self._journal.append_event(orjson.dumps(record))

    async def control_changed(
        self,
        event_type: str,
        *,
        event_id: str,
        at: datetime,
        principal: Principal | None,
        facts: dict[str, Any],
    ) -> None:
        """Record a change of the control state, such as a key that was issued.

        Args:
            event_type: what happened.
            event_id: the same at each try.
            at: when it happened.
            principal: who did it; None: the gateway by itself.
            facts: members of the event's own record.

        Raises:
            AuditUnavailable: it is not durable.
        """
        record = self._envelope(event_type, at, "strict") | facts
        record |= {"event_id": event_id}
        if principal is not None:
            record |= {"principal": principal_record(principal)}
        await self._journal.append_event(orjson.dumps(record))

    async def content_key(
        self, facts: dict[str, Any], *, event_id: str, at: datetime, wrapped_keyset: str
    ) -> None:
        """Publish a wrapped content key, beside its ``content_key.created``.

        Args:
            facts: members of that event's record.
            event_id: of that event, as is ``at``.
            at: when the key was made.
            wrapped_keyset: base64.

        Raises:
            AuditUnavailable: it is not durable.
        """
        message = {
            "event_id": event_id,
            "occurred_at": timestamp(at),
            "tenant_id": self._tenant_id,
            "key_id": facts["content_key_id"],
            "principal_id": facts["holder_principal_id"],
            "quarter": facts["quarter"],
            "wrapped_keyset": wrapped_keyset,
            "wrapped_keyset_hash": facts["wrapped_keyset_hash"],
        }
        if "kms_resource" in facts:
            message["kms_resource"] = facts["kms_resource"]
        await self._journal.append_key(orjson.dumps({"key": message}))

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
        subject = Subject(
            opening["principal"]["principal_id"],
            quarter_of(requested_at),
            opening["session_id"],
            opening["interaction_id"],
        )
        mode = opening.get("content_mode", "sealed")
        sealed = self._parts.seal(subject, completion_texts(outcome), mode)
        envelope = self._envelope("interaction.failed", utc_now(), opening["assurance"])
        envelope["event_id"] = event_id
        told = outcome_record(outcome, sealed) | {"reason_code": "interrupted"}
        new = envelope.keys() | told.keys() | _CHAINED | _PARTED
        kept = {name: value for name, value in opening.items() if name not in new}
        await self._append(subject, _Event(envelope, orjson.dumps(kept)), told, sealed, [])

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
        outcome, subject = exchange.outcome, subject_of(exchange)
        sealed = self._parts.seal(subject, completion_texts(outcome), content_mode_of(exchange))
        place_findings(outcome.findings, sealed)
        told = outcome_record(outcome, sealed)
        told["duration_seconds"] = round(perf_counter() - exchange.began_at, 6)
        if reason_code is not None:
            told["reason_code"] = reason_code
        event = self._event(event_type, exchange)
        await self._append(subject, event, told, sealed, outcome.findings, closes=True)

    async def _append(  # noqa: PLR0913  (one event's parts, assembled at four calls)
        self,
        subject: Subject,
        event: "_Event",
        told: dict[str, Any],
        sealed: SealedParts,
        findings: Sequence[Located],
        *,
        opens: bool = False,
        closes: bool = False,
    ) -> None:
        told["parts"] = sealed.parts
        told["findings"] = [finding_record(found) for found in findings]
        beside, overflow = split_contents(sealed.contents)
        body, contents = event.with_members(told), joined_contents(beside)
        if opens and len(body) + len(contents) > RECORD_BYTES_MAX:
            raise BodyTooLarge("The prompt has more parts than one record can name.")
        waiting: list[asyncio.Future[Any]] = [
            self._journal.append_content(
                overflow_message(event.envelope, subject, batch),
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
        self._parts.remember(part["part_id"] for part in sealed.parts)

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

    def _event(self, event_type: str, exchange: Exchange) -> "_Event":
        """Begin an event of an interaction; what all of one's events say alike is built once."""
        if not exchange.told:
            exchange.told = orjson.dumps(interaction_record(exchange))
        assurance = decision_of(exchange).assurance
        return _Event(self._envelope(event_type, utc_now(), assurance), exchange.told)


class _Event(NamedTuple):
    """The beginning of an event: its envelope, and a JSON object of the members that follow."""

    envelope: dict[str, Any]
    told: bytes

    def with_members(self, members: dict[str, Any]) -> bytes:
        """Return the whole as one JSON object; no name may stand in two of the three."""
        return b"%b,%b,%b" % (
            orjson.dumps(self.envelope)[:-1],
            self.told[1:-1],
            orjson.dumps(members)[1:],
        )
