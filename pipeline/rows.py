"""Turn one event into the rows of one or more tables. Pure.

Columns that have a field's name take that field; the rest is written out below. A test holds
every row to its table's record.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pipeline.decode import Content, Event, KeyMessage, Overflow
from pipeline.enrich import Enriched
from pipeline.enrichment.files import kinds_of
from pipeline.enrichment.risk import CHANGING, risk_tier
from pipeline.errors import RefusedError
from pipeline.verify import sealed_hash
from schemas.base import Record
from schemas.message import commitment
from schemas.tables import (
    AccessDenialRow,
    AdminChangeRow,
    CalledTool,
    EventRow,
    FindingRow,
    InteractionRow,
    LegalHoldRow,
    RecordViewRow,
    ToolCallRow,
    WriterRow,
)

Row = dict[str, Any]

# A row of a later stage hides those of earlier ones in the view.
_RANKS: Final[Mapping[str, int]] = MappingProxyType(
    {"requested": 0, "failed": 1, "completed": 2, "blocked": 2}
)

# Event type -> what it changed, and the field that names which.
_CHANGED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "policy.changed": ("policy", "policy_digest"),
        "key.issued": ("gateway_key", "gateway_key_id"),
        "key.revoked": ("gateway_key", "gateway_key_id"),
        "legal_hold.placed": ("legal_hold", "hold_id"),
        "legal_hold.released": ("legal_hold", "hold_id"),
        "content.erased": ("content", "erasure_id"),
        "erasure.refused": ("content", "erasure_id"),
    }
)

# What a request that has no answer yet says of it.
_NO_ANSWER: Final[Mapping[str, Any]] = MappingProxyType(
    {"completion_bytes": 0, "completion_finding_count": 0, "chunk_count": 0, "client_left": False}
)


def rows(enriched: Enriched) -> Iterator[tuple[str, Row]]:
    """Yield each row with the id of its table."""
    event = enriched.event
    if isinstance(event, Overflow):
        yield from _overflow_parts(event, enriched)
        return
    if isinstance(event, KeyMessage):
        yield "keys.subject_keys_v1", _subject_key(event, enriched)
        return
    yield "audit.events_v1", _event(event, enriched)
    kind = event.fields.event_type
    if kind.startswith("interaction."):
        yield "audit.interactions_v1", _interaction(event, enriched)
        yield from _tool_calls(event, enriched)
        yield from _findings(event, enriched)
        yield from _parts(event, enriched)
    elif kind.startswith("writer."):
        yield "integrity.writers_v1", _writer(event, enriched)
    elif kind == "access.denied":
        yield "audit.access_denials_v1", _access_denial(event, enriched)
    elif kind == "record.viewed":
        yield "audit.record_views_v1", _record_view(event, enriched)
    elif kind in _CHANGED:
        yield "audit.admin_changes_v1", _admin_change(event, enriched)
        if kind.startswith("legal_hold."):
            yield "audit.legal_holds_v1", _legal_hold(event, enriched)


def _event(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    row = _copied(EventRow, fields)
    row["occurred_at"] = event.occurred_at
    row["principal_id"] = None if fields.principal is None else fields.principal.principal_id
    row["record_hash"] = event.record_hash
    row["record"] = event.record.decode()
    row["published_at"] = event.incoming.published_at
    row["loaded_at"] = enriched.loaded_at
    return row


def _interaction(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    status = fields.event_type.removeprefix("interaction.")
    row = {
        **_NO_ANSWER,
        **_copied(InteractionRow, fields),
        **_caller(fields),
        **_program(fields),
        **enriched.columns,
    }
    row["status"] = status
    row["status_rank"] = _RANKS[status]
    row["occurred_at"] = event.occurred_at
    row["requested_at"] = event.requested_at
    if calls := row.get("tool_calls"):
        row["tool_calls"] = [_copied(CalledTool, call) for call in calls]
    if refs := row.get("refs"):
        row["refs"] = [msgspec.structs.asdict(ref) for ref in refs]
    row["loaded_at"] = enriched.loaded_at
    return row


def _tool_calls(event: Event, enriched: Enriched) -> Iterator[tuple[str, Row]]:
    fields = event.fields
    calls = getattr(fields, "tool_calls", ())
    known = _known(ToolCallRow, enriched) if calls else {}
    for index, call in enumerate(calls):
        yield (
            "audit.tool_calls_v1",
            {
                **_copied(ToolCallRow, fields),
                **known,
                **_origin(event, enriched),
                "principal_email": fields.principal.email,
                "call_index": index,
                # The call's own paths, effect and rule stand over those of the request.
                **msgspec.structs.asdict(call),
                **_changes(call),
            },
        )


def _changes(call: Any) -> Row:
    """Return what a call's name and files tell of it; what the whole answer changed is not its."""
    tier = risk_tier(call.name, call.file_paths)
    changed = call.file_paths if tier in CHANGING else ()
    return {"risk_tier": tier, "change_kinds": kinds_of(changed)}


def _known(record: type[Record], enriched: Enriched) -> Row:
    """Return the enriched columns that a table has."""
    columns = record.model_fields
    return {name: value for name, value in enriched.columns.items() if name in columns}


def _findings(event: Event, enriched: Enriched) -> Iterator[tuple[str, Row]]:
    fields = event.fields
    known = _known(FindingRow, enriched) if fields.findings else {}
    for index, finding in enumerate(fields.findings):
        yield (
            "audit.findings_v1",
            {
                **known,
                **_origin(event, enriched),
                "writer_id": fields.writer_id,
                "sequence": fields.sequence,
                "finding_index": index,
                "principal_email": fields.principal.email,
                "connection": fields.connection,
                "operation": fields.operation,
                "repository": fields.repository,
                **msgspec.structs.asdict(finding),
            },
        )


def _parts(event: Event, enriched: Enriched) -> Iterator[tuple[str, Row]]:
    by_id = {part.part_id: part for part in event.fields.parts}
    for content in event.contents:
        part = by_id[content.part_id]
        yield (
            "content.parts_v1",
            {
                **_origin(event, enriched),
                **msgspec.structs.asdict(part),
                "ciphertext": content.ciphertext,
                "text": content.text,
                "salt": content.salt,
            },
        )


def _overflow_parts(overflow: Overflow, enriched: Enriched) -> Iterator[tuple[str, Row]]:
    ids = msgspec.structs.asdict(overflow.ids)
    for content in overflow.contents:
        yield (
            "content.parts_v1",
            {
                **ids,
                "occurred_at": overflow.occurred_at,
                "part_id": content.part_id,
                "key_id": content.key_id,
                **_proof(content),
                "ciphertext": content.ciphertext,
                "text": content.text,
                "salt": content.salt,
                "loaded_at": enriched.loaded_at,
            },
        )


def _proof(content: Content) -> Row:
    """Return what the record of a text that travelled apart says of it, made anew."""
    if content.ciphertext is not None:
        return {"ciphertext_hash": sealed_hash(content.ciphertext)}
    if content.text is None or content.salt is None:
        raise RefusedError("content_malformed", "neither a sealed text nor one in clear")
    return {"commitment": commitment(content.salt, content.text.encode())}


def _writer(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    row = _copied(WriterRow, fields)
    row["occurred_at"] = event.occurred_at
    row["life_writer_id"] = getattr(fields, "closed_writer_id", fields.writer_id)
    row["status"] = getattr(fields, "reason", "opened")
    if row["status"] == "stopped":
        # The writer's own last record says it, and so is the last one.
        row["last_sequence"] = fields.sequence
        row["last_record_hash"] = event.record_hash
    row["loaded_at"] = enriched.loaded_at
    return row


def _subject_key(key: KeyMessage, enriched: Enriched) -> Row:
    return {
        **msgspec.structs.asdict(key.fields),
        "wrapped_keyset": key.wrapped_keyset,
        "occurred_at": key.occurred_at,
        "loaded_at": enriched.loaded_at,
    }


def _access_denial(event: Event, enriched: Enriched) -> Row:
    row = {**_copied(AccessDenialRow, event.fields), **_program(event.fields), **enriched.columns}
    row["occurred_at"] = event.occurred_at
    row["loaded_at"] = enriched.loaded_at
    return row


def _record_view(event: Event, enriched: Enriched) -> Row:
    row = {**_copied(RecordViewRow, event.fields), **_caller(event.fields)}
    row["occurred_at"] = event.occurred_at
    row["loaded_at"] = enriched.loaded_at
    return row


def _admin_change(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    object_type, object_field = _CHANGED[fields.event_type]
    row = {**_copied(AdminChangeRow, fields), **_caller(fields)}
    row["occurred_at"] = event.occurred_at
    row["object_type"] = object_type
    row["object_id"] = getattr(fields, object_field)
    holder = getattr(fields, "holder", None)
    if holder is not None:
        row["holder_principal_id"] = holder.principal_id
        row["holder_kind"] = holder.kind
        row["holder_issuer"] = holder.issuer
        row["holder_subject"] = holder.subject
        row["holder_email"] = holder.email
    row["loaded_at"] = enriched.loaded_at
    return _with_times(row, "expires_at", "requested_at")


def _legal_hold(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    row = {**_copied(LegalHoldRow, fields), **_caller(fields)}
    row["status"] = fields.event_type.removeprefix("legal_hold.")
    row["occurred_at"] = event.occurred_at
    row["loaded_at"] = enriched.loaded_at
    return _with_times(row, "placed_at", "held_from", "held_to")


def _with_times(row: Row, *names: str) -> Row:
    """Turn times that the record tells as text into times."""
    for name in names:
        if isinstance(row.get(name), str):
            row[name] = datetime.fromisoformat(row[name])
    return row


def _origin(event: Event, enriched: Enriched) -> Row:
    fields = event.fields
    return {
        "event_id": fields.event_id,
        "occurred_at": event.occurred_at,
        "tenant_id": fields.tenant_id,
        "interaction_id": fields.interaction_id,
        "session_id": fields.session_id,
        "principal_id": fields.principal.principal_id,
        "loaded_at": enriched.loaded_at,
    }


def _caller(fields: Any) -> Row:
    principal = fields.principal
    if principal is None:
        return {}
    return {
        "principal_id": principal.principal_id,
        "principal_kind": principal.kind,
        "principal_issuer": principal.issuer,
        "principal_subject": principal.subject,
        "principal_email": principal.email,
        "principal_groups": principal.groups,
        "gateway_key_id": principal.key_id,
    }


def _program(fields: Any) -> Row:
    client = fields.client
    if client is None:
        return {}
    return {
        "client_name": client.name,
        "client_version": client.version,
        "client_editor": client.editor,
        "client_machine_id": client.machine_id,
        "client_address": client.address,
        "client_user_agent": client.user_agent,
    }


def _copied(record: type[Record], fields: Any) -> Row:
    names, values = _shared(record, type(fields))  # type: ignore[arg-type]  # a class is hashable
    return dict(zip(names, values(fields), strict=True))


@cache
def _shared(
    record: type[Record], fields: type[msgspec.Struct]
) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Return the columns that have a field's name, and what reads those fields at once."""
    names = tuple(name for name in record.model_fields if name in fields.__struct_fields__)
    return names, attrgetter(*names)
