"""Say which word of a published standard a column answers to, and map rows for its readers. Pure.

A column has the same meaning in every table, so one line serves all; a line with the table's name
before the column stands for that table alone. Where a standard has no word for a column, there is
none here: a forced mapping would be read as a fact.

Sources: OpenTelemetry semantic conventions for generative AI (status Development) and for HTTP,
URL, client, user agent and enduser; OCSF 1.8.0, API Activity (6003) with the profiles ai_operation
and security_control; GitHub, "Audit log events for agents", streamed Copilot usage records (public
preview); CloudEvents 1.0; Elastic Common Schema (ECS) 8; W3C Trace Context.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from schemas.bigquery import columns
from schemas.tables import TABLES, InteractionRow, Table

OTEL_VIEW_ID: Final = "audit.interactions_otel"
OCSF_VIEW_ID: Final = "audit.events_ocsf"
OCSF_VERSION: Final = "1.8.0"


@dataclass(frozen=True, slots=True)
class Words:
    """What a column is called by others; ``other`` names the standard before the word."""

    otel: str | None = None
    ocsf: str | None = None
    github: str | None = None
    other: str | None = None

    def __str__(self) -> str:
        """Return the words with their standards, for a page."""
        named = (("OTel", self.otel), ("OCSF", self.ocsf), ("GitHub", self.github))
        parts = [f"{standard} `{word}`" for standard, word in named if word]
        return "; ".join([*parts, *([self.other] if self.other else [])])


W = Words

CROSSWALK: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "event_id": W(ocsf="metadata.uid", other="CloudEvents `id`; ECS `event.id`"),
        "event_type": W(other="CloudEvents `type`; ECS `event.action`"),
        "occurred_at": W(ocsf="time", other="CloudEvents `time`"),
        "loaded_at": W(ocsf="metadata.processed_time", other="ECS `event.ingested`"),
        "tenant_id": W(ocsf="metadata.tenant_uid"),
        "writer_id": W(otel="service.instance.id", other="CloudEvents `source`"),
        "sequence": W(ocsf="metadata.sequence"),
        "trace_id": W(other="W3C Trace Context `trace-id`"),
        "session_id": W(otel="gen_ai.conversation.id", ocsf="message_context.uid"),
        "principal_id": W(otel="enduser.pseudo.id", ocsf="actor.user.uid"),
        "principal_subject": W(otel="enduser.id", ocsf="actor.user.name"),
        "principal_email": W(otel="user.email", ocsf="actor.user.email_addr"),
        "principal_groups": W(ocsf="actor.user.groups[].name"),
        "department": W(ocsf="actor.user.org.ou_name"),
        "client_name": W(ocsf="message_context.application.name"),
        "client_version": W(ocsf="message_context.application.version"),
        "client_address": W(otel="client.address", ocsf="src_endpoint.ip", other="ECS `source.ip`"),
        "client_user_agent": W(
            otel="user_agent.original",
            ocsf="http_request.user_agent",
            other="ECS `user_agent.original`",
        ),
        "client_country": W(
            ocsf="src_endpoint.location.country", other="ECS `source.geo.country_iso_code`"
        ),
        "requested_at": W(github="@timestamp"),
        "connection": W(ocsf="api.service.name"),
        "operation": W(otel="gen_ai.operation.name", ocsf="api.operation"),
        "method": W(otel="http.request.method", ocsf="http_request.http_method"),
        "path": W(otel="url.path", ocsf="http_request.url.path", github="endpoint"),
        "provider": W(otel="gen_ai.provider.name", ocsf="ai_model.ai_provider"),
        "model": W(otel="gen_ai.request.model"),
        "model_used": W(otel="gen_ai.response.model", ocsf="ai_model.name"),
        "streamed": W(otel="gen_ai.request.stream"),
        "upstream_request_id": W(github="github_request_id"),
        "repository": W(ocsf="resources[].name"),
        "finish_reasons": W(otel="gen_ai.response.finish_reasons"),
        "input_tokens": W(otel="gen_ai.usage.input_tokens", ocsf="message_context.prompt_tokens"),
        "output_tokens": W(
            otel="gen_ai.usage.output_tokens", ocsf="message_context.completion_tokens"
        ),
        "cached_tokens": W(otel="gen_ai.usage.cache_read.input_tokens"),
        "first_chunk_seconds": W(otel="gen_ai.response.time_to_first_chunk"),
        "duration_seconds": W(ocsf="duration"),
        "http_status": W(otel="http.response.status_code", ocsf="http_response.code"),
        "reason_code": W(otel="error.type", ocsf="status_detail"),
        "effect": W(ocsf="disposition_id"),
        "policy_digest": W(ocsf="policy.uid"),
        "rule_id": W(ocsf="policy.name"),
        "tool_name": W(otel="gen_ai.tool.name"),
        "audit.tool_calls_v1.name": W(otel="gen_ai.tool.name"),
        "call_id": W(otel="gen_ai.tool.call.id"),
        "host": W(otel="host.name", other="ECS `host.name`"),
        "process_id": W(otel="process.pid", other="ECS `process.pid`"),
        "software_version": W(otel="service.version"),
        "audit.findings_v1.rule_id": W(other="ECS `rule.id`"),
        "audit.interactions_v1.status": W(github="type"),
    }
)


def words_of(table: Table, column: str) -> Words:
    """Return what others call a column."""
    return CROSSWALK.get(f"{table.id}.{column}") or CROSSWALK.get(column) or Words()


# A word of OpenTelemetry whose values differ from ours.
_OTEL_VALUES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "operation": "CASE operation WHEN 'inline' THEN 'text_completion' "
        "WHEN 'embeddings' THEN 'embeddings' ELSE 'chat' END"
    }
)

# Operations that ask a model; a push or a list of models is none of OpenTelemetry's GenAI spans.
_MODEL_OPERATIONS: Final = "'chat', 'panel', 'inline', 'embeddings'"


def otel_view() -> str:
    """Return the query that names the columns of interactions as OpenTelemetry's attributes.

    BigQuery takes no dot in a column's name: ``gen_ai.request.model`` is ``gen_ai_request_model``.
    """
    table = TABLES["audit.interactions_v1"]
    named = (
        f"{_OTEL_VALUES.get(name, f'`{name}`')} AS {word.replace('.', '_')}"
        for name in table.row.model_fields
        if (word := words_of(table, name).otel)
    )
    kept = ("requested_at", "interaction_id", "tenant_id", "trace_id", "duration_seconds")
    listed = ",\n".join(f"  {each}" for each in (*(f"`{name}`" for name in kept), *named))
    return (
        f"-- {OTEL_VIEW_ID}: each interaction with a model, its columns named as OpenTelemetry's"
        " attributes\n-- with _ for each dot. Filter on requested_at.\n"
        f"SELECT\n{listed}\nFROM `{table.view_id}`\nWHERE operation IN ({_MODEL_OPERATIONS})\n"
    )


_PRODUCT: Final = {
    "metadata.version": f"'{OCSF_VERSION}'",
    "metadata.product.name": "'Tailnumber'",
    "metadata.product.vendor_name": "'Tailnumber'",
    "metadata.profiles": "['ai_operation', 'security_control']",
}
# API Activity knows create, read, update and delete; a prompt is none of them: 99, Other.
_CLASS: Final = {
    "category_uid": "6",
    "category_name": "'Application Activity'",
    "class_uid": "6003",
    "class_name": "'API Activity'",
    "activity_id": "99",
    "type_uid": "600399",
    "severity_id": "1",
}

# Source: OCSF 1.8.0, dictionary: status_id, action_id and disposition_id of security_control.
_INTERACTION: Final = {
    "event_at": "requested_at",
    **_CLASS,
    "activity_name": "operation",
    "time": "UNIX_MILLIS(requested_at)",
    "duration": "CAST(ROUND(duration_seconds * 1000) AS INT64)",
    "status_id": "CASE status WHEN 'completed' THEN 1 WHEN 'requested' THEN 0 ELSE 2 END",
    "action_id": "IF(status = 'blocked', 2, 1)",
    "disposition_id": "CASE WHEN status = 'blocked' THEN 2 WHEN effect = 'mask' THEN 11 ELSE 1 END",
    "metadata.processed_time": "UNIX_MILLIS(loaded_at)",
    **_PRODUCT,
    "message_context.total_tokens": "input_tokens + output_tokens",
}
_DENIAL: Final = {
    **_INTERACTION,
    "event_at": "occurred_at",
    "activity_name": "'access denied'",
    "time": "UNIX_MILLIS(occurred_at)",
    "duration": "CAST(NULL AS INT64)",
    "status_id": "2",
    "action_id": "2",
    "disposition_id": "26",
    "message_context.total_tokens": "CAST(NULL AS INT64)",
    "api.operation": "'access denied'",
}

_SQL_TYPES: Final = {"STRING": "STRING", "INTEGER": "INT64"}


def ocsf_view() -> str:
    """Return the query that tells interactions and refused callers as OCSF's API Activity.

    Objects of OCSF are structs; ``event_at`` stands before them, for the partition filter.
    """
    parts = (
        _ocsf_branch(TABLES["audit.interactions_v1"], _INTERACTION),
        _ocsf_branch(TABLES["audit.access_denials_v1"], _DENIAL),
    )
    head = (
        f"-- {OCSF_VIEW_ID}: interactions and refused callers as OCSF {OCSF_VERSION} API Activity"
        " (6003).\n-- Filter on event_at.\n"
    )
    return head + "UNION ALL\n".join(parts)


def _ocsf_branch(table: Table, facts: Mapping[str, str]) -> str:
    tree: dict[str, Any] = {}
    named = dict(_ocsf_columns(table))
    # One order for both branches: UNION ALL goes by place, and so do the members of a struct.
    for path in dict.fromkeys((*_INTERACTION, *named)):
        sql = facts.get(path) or named[path]
        *above, last = path.split(".")
        node = tree
        for step in above:
            node = node.setdefault(step, {})
        node[last] = sql
    listed = ",\n".join(f"  {_sql(value)} AS {name}" for name, value in tree.items())
    return f"SELECT\n{listed}\nFROM `{table.view_id}`\n"


def _ocsf_columns(table: Table) -> Iterator[tuple[str, str]]:
    """Yield each scalar word of OCSF with its column, the same words for both tables."""
    types = {each["name"]: each["type"] for each in columns(InteractionRow)}
    for name in InteractionRow.model_fields:
        path = words_of(TABLES["audit.interactions_v1"], name).ocsf
        if path and "[]" not in path:
            there = name in table.row.model_fields
            # A table without the column gives null of its type: both branches are one table.
            empty = f"CAST(NULL AS {_SQL_TYPES.get(types[name], 'STRING')})"
            yield path, f"`{name}`" if there else empty


def _sql(value: Any) -> str:
    if isinstance(value, str):
        return value
    members = ", ".join(f"{_sql(inner)} AS {name}" for name, inner in value.items())
    return f"STRUCT({members})"
