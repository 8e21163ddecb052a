"""Add to an event what only the pipeline knows. Pure; time and knowledge come in as arguments.

After verification, so that nothing is looked up for a record that is not ours, and before routing,
so that every table of an event gets the same answer. An answer that a source does not have is null
in the row and counted, never a refusal.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from pipeline.decode import Decoded, Event
from pipeline.enrichment.countries import Countries
from pipeline.enrichment.directory import Directory
from pipeline.enrichment.files import kinds_of, languages_of
from pipeline.enrichment.prices import Prices
from pipeline.enrichment.repositories import Repositories
from pipeline.enrichment.risk import CHANGING, risk_tier

Columns = Mapping[str, Any]

# Protocols whose input_tokens leave out what the provider had cached; in all others the cached
# ones are among them. Source: Anthropic, "Prompt caching", usage fields.
_CACHED_APART: Final = frozenset({"anthropic.messages"})


class Knowledge(NamedTuple):
    """The sources at one moment; a source that nobody configured is ``None``."""

    directory: Directory | None = None
    repositories: Repositories | None = None
    prices: Prices | None = None
    countries: Countries | None = None


class Enriched(msgspec.Struct, frozen=True, gc=False):
    """An event and what the pipeline knows about it, as columns by name.

    ``missing`` names the sources that were asked and had no answer.
    """

    event: Decoded
    loaded_at: datetime
    columns: Columns = msgspec.field(default_factory=dict)
    missing: tuple[str, ...] = ()


NOBODY_KNOWS: Final = Knowledge()


def enrich(event: Decoded, loaded_at: datetime, knowledge: Knowledge = NOBODY_KNOWS) -> Enriched:
    """Return the event with what is known about it and the time at which its rows are written."""
    if not isinstance(event, Event):
        return Enriched(event, loaded_at)
    fields = event.fields
    kind = fields.event_type
    if kind.startswith("interaction."):
        return _enrich_interaction(event, fields, loaded_at, knowledge)
    if kind == "access.denied" and knowledge.countries is not None:
        columns: dict[str, Any] = {}
        missing: list[str] = []
        _add_country(columns, missing, fields.client, knowledge.countries)
        return Enriched(event, loaded_at, columns, tuple(missing))
    return Enriched(event, loaded_at)


def changed_files(fields: Any) -> tuple[str, ...]:
    """Return the files that an interaction changes: by a push, or by the tools that it calls."""
    if fields.operation == "push":
        return tuple(fields.file_paths)
    paths: tuple[str, ...] = ()
    if fields.tool_name is not None and risk_tier(fields.tool_name) in CHANGING:
        paths = fields.file_paths
    for call in getattr(fields, "tool_calls", ()):
        if call.file_paths and risk_tier(call.name) in CHANGING:
            paths += call.file_paths
    return paths


def _enrich_interaction(
    event: Event, fields: Any, loaded_at: datetime, knowledge: Knowledge
) -> Enriched:
    columns: dict[str, Any] = {}
    missing: list[str] = []
    changed = changed_files(fields)
    if fields.file_paths or changed:
        columns["file_languages"] = languages_of(fields.file_paths + changed)
    if changed:
        columns["change_kinds"] = kinds_of(changed)
    directory, repositories, prices, countries = knowledge
    if directory is not None:
        _add_person(columns, missing, fields.principal, directory)
    if repositories is not None and fields.repository is not None:
        _add_repository(columns, missing, fields.repository, repositories)
    if prices is not None:
        _add_cost(columns, missing, event, prices)
    if countries is not None:
        _add_country(columns, missing, fields.client, countries)
    return Enriched(event, loaded_at, columns, tuple(missing))


def _add_person(
    columns: dict[str, Any], missing: list[str], principal: Any, directory: Directory
) -> None:
    person = directory.find(principal.subject, principal.email)
    if person is None:
        missing.append("directory")
        return
    columns["department"] = person.department
    columns["cost_center"] = person.cost_center
    columns["employment_type"] = person.employment_type
    columns["manager_email"] = person.manager_email
    columns["principal_country"] = person.country


def _add_repository(
    columns: dict[str, Any], missing: list[str], repository: str, repositories: Repositories
) -> None:
    care = repositories.find(repository)
    if care is None:
        missing.append("repositories")
        return
    columns["repository_owner"] = care.owner
    columns["repository_criticality"] = care.criticality


def _add_cost(columns: dict[str, Any], missing: list[str], event: Event, prices: Prices) -> None:
    fields = event.fields
    input_tokens = getattr(fields, "input_tokens", None)
    output_tokens = getattr(fields, "output_tokens", None)
    if input_tokens is None and output_tokens is None:
        return
    model = fields.model_used or fields.model
    requested_at = event.requested_at or event.occurred_at
    price = prices.find(model, requested_at.date()) if model is not None else None
    if price is None:
        missing.append("prices")
        return
    cached, fresh = fields.cached_tokens or 0, input_tokens or 0
    if fields.protocol not in _CACHED_APART:
        cached = min(cached, fresh)
        fresh -= cached
    columns["cost_amount"] = price.cost(fresh, cached, output_tokens or 0)
    columns["cost_currency"] = price.currency


def _add_country(
    columns: dict[str, Any], missing: list[str], client: Any, countries: Countries
) -> None:
    if client is None or client.address is None:
        return
    country = countries.find(client.address)
    if country is None:
        missing.append("countries")
        return
    columns["client_country"] = country
