"""Build the members of an event's record from what the steps learned. Pure.

Plain dictionaries: a pydantic model costs more than the whole request may. A test parses every kind
of record with the strict models of ``schemas``.
"""

from typing import Any

import orjson

from ingress.context import Context
from ingress.exchange import Exchange, Located, Outcome, RefUpdate
from ingress.identity.principal import Principal
from ingress.ids import timestamp
from ingress.protocol.edits import code_blocks, edited_paths
from ingress.protocol.texts import Completion
from ingress.recording.parts import (
    SealedParts,
    Subject,
    content_mode_of,
    decision_of,
    joined_contents,
    principal_of,
)


def interaction_record(exchange: Exchange) -> dict[str, Any]:
    """Return what every event of an interaction says of its request and the decision."""
    decision, route, prompt = decision_of(exchange), exchange.route, exchange.prompt
    exchange_ids: dict[str, Any] = {
        "trace_id": exchange.context.trace_id,
        "provider": route.connection.kind if route.connection else None,
        "model": prompt.model,
        "request_id": exchange.context.request_id,
        "turn_id": exchange.context.turn_id,
        "repository": exchange.context.repository,
        "language": prompt.language,
        "tool_name": prompt.tool_name,
    }
    record = {name: value for name, value in exchange_ids.items() if value is not None}
    record |= {
        "policy_digest": exchange.policy_digest,
        "session_id": exchange.session_id,
        "interaction_id": exchange.interaction_id,
        "principal": principal_record(principal_of(exchange)),
        "client": client_record(exchange.context, exchange.address),
        "requested_at": timestamp(exchange.requested_at),
        "connection": route.connection_name,
        "protocol": route.protocol_name,
        "operation": route.operation,
        "method": exchange.method,
        "path": exchange.path,
        "streamed": prompt.streamed,
        "file_paths": prompt.file_paths,
        "prompt_bytes": len(exchange.body) + exchange.spooled_bytes,
        "prompt_part_ids": exchange.prompt_part_ids,
        "effect": decision.effect,
        "rule_id": decision.rule_id,
        "prompt_finding_count": len(exchange.findings),
    }
    mode = content_mode_of(exchange)
    if mode != "sealed":
        record["content_mode"] = mode
    if exchange.excluded_paths:
        record["excluded_paths"] = exchange.excluded_paths
    if exchange.refs:
        record["refs"] = [ref_record(update) for update in exchange.refs]
    if exchange.file_path_count is not None:
        record["file_path_count"] = exchange.file_path_count
    return record


def ref_record(update: RefUpdate) -> dict[str, str]:
    """Return a ref that is pushed, or an object that is fetched, as events carry it."""
    facts = {
        "ref": update.ref,
        "change": update.change,
        "old_id": update.old_id,
        "new_id": update.new_id,
        "result": update.result,
    }
    return {name: value for name, value in facts.items() if value}


def principal_record(principal: Principal) -> dict[str, Any]:
    """Return the caller as events carry it."""
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


def client_record(context: Context, address: str | None) -> dict[str, str]:
    """Return the program that sent the request as events carry it."""
    facts = {
        "name": context.client_name,
        "version": context.client_version,
        "editor": context.editor,
        "machine_id": context.machine_id,
        "address": address,
        "user_agent": context.user_agent,
    }
    return {name: value for name, value in facts.items() if value}


def finding_record(found: Located) -> dict[str, Any]:
    """Return a finding as events carry it: rule, place and fingerprint, never the value."""
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


def outcome_record(outcome: Outcome, sealed: SealedParts) -> dict[str, Any]:
    """Return what came back as events carry it."""
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
    if completion.tools:
        record |= tools_record(completion, sealed)
    record |= code_record(completion)
    record |= {
        "http_status": outcome.http_status,
        "finish_reasons": [completion.finish_reasons[i] for i in sorted(completion.finish_reasons)],
        "completion_bytes": outcome.completion_bytes,
        "completion_part_ids": sealed.ids,
        "completion_finding_count": len(outcome.findings),
        "chunk_count": outcome.chunk_count,
        "client_left": outcome.client_left,
    }
    return record


def tools_record(completion: Completion, sealed: SealedParts) -> dict[str, Any]:
    """Return what events say of the tool calls in a completion, those that were kept back too."""
    calls = []
    for channel, tool in completion.tools.items():
        call: dict[str, Any] = {"name": tool.name or "unknown"}
        arguments = "".join(completion.texts.get(channel, ()))
        if paths := edited_paths(tool.name, arguments):
            call["file_paths"] = paths
        if tool.call_id:
            call["call_id"] = tool.call_id
        if channel.location in sealed.by_location:
            call["arguments_part_id"] = sealed.by_location[channel.location]
        if tool.effect:
            call["effect"], call["rule_id"] = tool.effect, tool.rule_id
            call["reason_code"] = tool.reason_code
        calls.append(call)
    denied_count = sum(tool.effect == "deny" for tool in completion.tools.values())
    return {"tool_calls": calls, "denied_tool_call_count": denied_count}


def code_record(completion: Completion) -> dict[str, Any]:
    """Return what events say of the blocks of code in a completion; nothing if it has none."""
    languages: list[str] = []
    for channel, pieces in completion.texts.items():
        if channel.kind == "text":
            languages += code_blocks("".join(pieces))
    if not languages:
        return {}
    named = [name for name in dict.fromkeys(languages) if name]
    return {"code_block_count": len(languages), "code_languages": named}


def overflow_message(envelope: dict[str, Any], subject: Subject, batch: list[bytes]) -> bytes:
    """Return a message that carries texts which did not fit beside their record."""
    ids = {name: envelope[name] for name in ("event_id", "occurred_at", "tenant_id")}
    ids["session_id"] = subject.session_id
    ids["interaction_id"] = subject.interaction_id
    ids["principal_id"] = subject.principal_id
    return orjson.dumps({"overflow": ids, "contents": orjson.Fragment(joined_contents(batch))})
