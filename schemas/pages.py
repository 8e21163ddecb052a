"""Render the pages of docs/ that tell the contract: who may read what, and every table. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from schemas import access_matrix as access
from schemas import cost, standards
from schemas.base import Classification
from schemas.bigquery import render_table
from schemas.tables import TABLES, Table
from schemas.views import SESSIONS_FUNCTION_ID, SESSIONS_VIEW_ID

_DO_NOT_EDIT: Final = "<!-- Rendered by `python -m schemas docs`; change schemas/ instead. -->\n"

_ACCESS: Final = """\
# Who may read what
{note}
Each column of the warehouse has a class, each class but `public` a policy tag of BigQuery, and
each role of this page is one group or service account (managers: one group per department).
terraform ([modules/warehouse](../terraform/modules/warehouse)) applies
[schemas/generated/access.json](../schemas/generated/access.json), rendered from the same source.

## Roles and classes
{matrix}

*clear*: fine-grained reader of the policy tag. *masked*: reader of the tag's data policy, below.
*none*: a query that names the column is refused; one that leaves it out runs.

| class | what it holds | masked readers see |
|---|---|---|
{classes}

`EMAIL_MASK` shows `XXXXX@acme.example` for an address, the same for everybody of a domain, and the
SHA-256 of anything else; `SHA256` keeps equal values equal, so that machines and subjects can be
told apart and counted without being known. BigQuery's SHA-256 has no key: a masked reader who
guesses a value can check the guess, and countries or addresses can be guessed one after the other.
A mask keeps people from knowing by accident, not by effort; who must not know at all gets no role
that sees the column. Two columns tell people apart and are public for it: `principal_id`, an HMAC
of issuer and subject under the tenant's key, which cannot be guessed so, and what the client says
of itself.

## Why these roles
| role | is a | reads | for |
|---|---|---|---|
{roles}

**Content has one group of readers.** `investigator` is the only group that reads `content.parts`
and `keys.subject_keys` and may decrypt with them
(`roles/cloudkms.cryptoKeyDecrypterViaDelegation`); keep the group empty and add people for the
time of a case. `security` does not have it: following an incident needs addresses, fingerprints
and order of events, and a text only when there is a case.

**The keeper copies, and opens nothing.** The account that runs `tailnumber retain`, `hold` and
`erase` copies each column of a held row, so it reads the sealed texts; it has no class `key` and
no right to the key that wraps content keys, so it cannot open one. A text that a policy stored in
clear (`content: tagged`) it can read: nobody should be able to act as this account but the job
that runs it. For want of that key it names people by principal id (`tailnumber erase --subject
PRINCIPAL_ID`, `hold place --principal PRINCIPAL_ID`; `audit.interactions` has it beside the mail
address), because the pseudonym of a mail address is made with the tenant's key. It has
`{keeper_reads}` on `audit` and `integrity`, and `{keeper_changes}` besides on `content`, `keys`
and `hold`: no right to drop a table or to change its expiry.

**No role for engineers.** Who wants to see the own sessions has the console and `tailnumber
sessions`; a warehouse that every engineer may query needs one more group per person to be right.

**The loader cannot read.** It has `{loader}` and nothing else: with those the Storage Write API
appends, and no query runs. A loader that merged rows would have to read them, which is why tables
are insert-only.

**An admin is not a reader.** Owning a dataset gives its public columns and no policy tag:
identities, addresses and texts stay refused. An admin who grants himself a tag leaves that in the
cloud's audit log, which terraform routes to the dataset `access_log` for the auditors.

## What was widened, and why
`python -m schemas check --against REVISION` refuses a class that gets weaker and a role that gets
wider, unless the reason stands here:

| what | why |
|---|---|
{widened}

## Rows
Once a table has a row policy, whoever none of them names sees no row. They stand on the tables;
the views without a version pass them on.

| policy | rows | roles | on |
|---|---|---|---|
{policies}

A table of `hold` has the policies of the table whose rows it keeps. The columns that policies
filter by are public: a filter on a masked column would compare masks.

## Dashboards
[looker.md](looker.md) has four for Looker. Its service account reads the dataset `{reporting}`
alone: {views}. They hold public columns, and are
authorized views (terraform authorizes the dataset, in which nothing else is), so the account needs
no right on `audit`. Where Looker signs each person in to BigQuery (OAuth), point it at `audit`:
tags, masks and rows then hold for that person, and BigQuery's log names the person.

## What is tested, and where
Row policies run on the one-machine warehouse through BigQuery's client. It keeps no policy tags,
so tags, masks and grants are checked as terraform plans them (every column tagged by its class,
each role exactly its rights: terraform/modules/warehouse/tests), and a marked text is sent through
the pipeline in every field of every event to see that it lands in no column of a wider class. On
one machine there is one reader, its user, and no policy is applied.
"""


_TABLES: Final = """\
# The tables, column by column
{note}
Rendered from the records in `schemas/`, which the loader's rows and terraform's tables come from
too. Tables are insert-only and may hold a row twice; ask the view without `_v1`, and filter on its
partition column: BigQuery refuses a query without. A class says who may read a column:
[access.md](access.md). *Standard* names the word that others have for it: OpenTelemetry's
generative AI and general conventions, OCSF {ocsf}, GitHub's streamed Copilot usage records,
CloudEvents, ECS.

| view | one row is | kept for |
|---|---|---|
{index}
| `{sessions}` | one session, ever; reads every partition | - |
| `{function}(since)` | one session, summed up from `since` on; reads nothing before | - |
| `{otel}` | one interaction with a model, columns named as OpenTelemetry's attributes | - |
| `{ocsf_view}` | one interaction or refused caller, as OCSF API Activity (6003) | - |

Not here yet, because nothing would fill them: `audit.reviews` (comes with reviews) and
`integrity.checkpoints` (comes with signed checkpoints).

## For consumers of OpenTelemetry and OCSF
`{otel}` writes `_` for each dot of an attribute, because BigQuery's columns have none. Its values
are ours but for `gen_ai_operation_name`, in OpenTelemetry's words. `{ocsf_view}` has OCSF's
objects as structs. What it does not claim: an activity of create, read, update or delete (it says
99, Other), a severity beyond Informational, and the texts, which stay sealed. Findings are not in
it; they stand in `audit.findings`.

{tables}"""


def tables_page() -> str:
    """Return docs/tables.md."""
    return _TABLES.format(
        note=_DO_NOT_EDIT,
        ocsf=standards.OCSF_VERSION,
        index=_rows(
            (f"[`{t.view_id}`](#{_anchor(t.id)})", _grain(t), f"{t.retention_days:,} days")
            for t in TABLES.values()
        ),
        sessions=SESSIONS_VIEW_ID,
        function=SESSIONS_FUNCTION_ID,
        otel=standards.OTEL_VIEW_ID,
        ocsf_view=standards.OCSF_VIEW_ID,
        tables="\n".join(_table(table) for table in TABLES.values()),
    )


def _table(table: Table) -> str:
    document = render_table(table)
    readers = [r.name for r in access.ROLES.values() if _may_read(r, table)]
    partition = f"{table.partition_type.lower()} of `{table.partition_field}`"
    clusters, kept = _names(table.cluster_fields), table.retention
    facts = (
        f"View `{table.view_id}`, each row once by {_names(table.identity)}.",
        f"Partitioned by {partition}, filter required; clustered by {clusters}.",
        f"Kept {table.retention_days:,} days (class {kept.name}: {kept.basis}).",
        f"Read by {', '.join(readers)}.",
    )
    head = f"## `{table.id}`\n{table.description}\n\n" + "\n".join(f"- {each}" for each in facts)
    cells = [("column", "type", "class", "description", "standard"), ("---",) * 5]
    return f"{head}\n\n{_rows([*cells, *_columns(table, '', document['schema'])])}\n"


def _columns(
    table: Table, prefix: str, schema: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, ...]]:
    for column in schema:
        name = f"{prefix}{column['name']}"
        mode = {"REQUIRED": "", "NULLABLE": "?", "REPEATED": "[]"}[column["mode"]]
        words = "" if prefix else str(standards.words_of(table, name))
        yield (
            f"`{name}`",
            column["type"] + mode,
            column["classification"],
            column["description"],
            words,
        )
        yield from _columns(table, f"{name}.", column.get("fields", ()))


def _may_read(role: access.Role, table: Table) -> bool:
    return table.dataset in _datasets(role) or table.id in access.readable_tables(role)


def _datasets(role: access.Role) -> Sequence[str]:
    """Return the datasets that a role reads, whether by a predefined role or by a custom one."""
    return role.datasets or (tuple(role.custom_roles) if role.clear else ())


def _grain(table: Table) -> str:
    words = table.description.removeprefix("One row per ").rstrip(".")
    return words.split(";")[0].split(":")[0]


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def access_page() -> str:
    """Return docs/access.md."""
    return _ACCESS.format(
        note=_DO_NOT_EDIT,
        matrix=_matrix(),
        classes=_rows(
            (
                f"`{cls}`",
                access.MEANINGS[cls],
                f"`{access.MASKS[cls]}`" if cls in access.MASKS else "-",
            )
            for cls in Classification
        ),
        roles=_rows(
            (f"`{role.name}`", _member(role), _reads(role), role.purpose)
            for role in access.ROLES.values()
        ),
        loader="`, `".join(access.LOADER_PERMISSIONS),
        keeper_reads="`, `".join(access.CUSTOM_ROLES[access.KEEPER_READS]),
        keeper_changes="`, `".join(
            each
            for each in access.CUSTOM_ROLES[access.KEEPER_CHANGES]
            if each not in access.CUSTOM_ROLES[access.KEEPER_READS]
        ),
        widened=_rows(access.WIDENED.items()),
        policies=_rows(
            (
                f"`{policy.name}`" + "".join(f", one per {each}" for each in policy.for_each[-1:]),
                f"`{policy.predicate}`",
                ", ".join(policy.roles),
                _tables(policy.tables),
            )
            for policy in access.row_policies()
        ),
        reporting=access.REPORTING,
        views=", ".join(f"`{name}`" for name in access.reporting_views()),
    )


def _matrix() -> str:
    head = ("role", *(cls.value for cls in Classification))
    rows = [
        (f"`{role.name}`", *(role.may(cls) for cls in Classification))
        for role in access.ROLES.values()
    ]
    return f"{_rows([head, ['---'] * len(head)])}\n{_rows(rows)}"


def _member(role: access.Role) -> str:
    if role.scope == "department":
        return "group per department"
    return "service account" if role.member == "serviceAccount" else "group"


def _reads(role: access.Role) -> str:
    if datasets := _datasets(role):
        return ", ".join(f"`{name}`" for name in datasets)
    tables = access.readable_tables(role)
    return ", ".join(f"`{name}`" for name in tables[1::2]) or "nothing"


def _tables(names: Sequence[str]) -> str:
    if len(names) == len(TABLES):
        return "every table"
    return ", ".join(f"`{name}`" for name in names)


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    )


_COST: Final = """\
# What a million interactions cost
{note}
Agents send their whole history with every turn. Tailnumber stores each text once a session, and
beside it what happened; a log of bodies stores the history again with each turn. Both reckoned for
the same work, from Pub/Sub to the last day of retention:

## Each text once
{once}

## Every body
{bodies}

The texts cost {ratio:.0f} times less, all together {whole:.1f} times less.

## The formula
For B bytes an interaction kept D days, of which Pub/Sub carried C, a million interactions cost

    C / TiB * (2 * {p.pubsub_tib:g} + {p.pubsub_archive_tib:g})    publish, deliver, archive
    + B / GiB * {p.write_gib:g}    Storage Write API
    + B / GiB * min(D, 90) / 30.4 * {p.active_gib_month:g}    active storage
    + B / GiB * max(D - 90, 0) / 30.4 * {p.long_term_gib_month:g}    long-term storage

C is B for events and bodies, 4/3 B for texts (base64), and 0 for what the pipeline itself makes.
All in USD at list prices (US multi-region, logical bytes; free quotas left out). Prices and sizes
are the fields of `Prices` and `Sizes` in `schemas/cost.py`; `python -m schemas cost --body-bytes N`
takes other sizes. Pub/Sub's prices are of 2026-09-20; BigQuery's were not read from Google's own
page for this one: check all of them before a budget.

## Where the sizes come from
Rows: `PYTHONPATH=.:tests/support python tests/bench/cost_bench.py`, a generated month of 200 people
(2,199 interactions), by BigQuery's rules for logical bytes. Bodies and texts: the agent's session
of 40 turns of [performance.md](performance.md), "Stored once": 3.4 MB sent, 106 KB stored. A row of
`content.parts` adds about 313 bytes to its text, and a turn has three.

Not in it, because it goes by the hour and not by the million: the gateway's and the pipeline's
machines, PostgreSQL, the keys in Cloud KMS; queries, which `tailnumber ask` estimates one by one;
the archive's bucket.
"""


def cost_page() -> str:
    """Return docs/cost.md."""
    once, bodies = cost.reckon()
    return _COST.format(
        note=_DO_NOT_EDIT,
        once=cost.table(once),
        bodies=cost.table(bodies),
        ratio=bodies[-1].usd / once[-1].usd,
        whole=sum(x.usd for x in bodies) / sum(x.usd for x in once),
        p=cost.Prices(),
    )
