"""Say who may read what in the warehouse: classes, roles, masks, rows, grants. Pure.

The one source of ``generated/access.json``, which terraform applies, and of docs/access.md. A class
becomes a policy tag; a role reads it in clear, masked, or not at all. A row policy stands on every
table that has the column it filters by: once a table has one, whoever no policy names sees none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template
from types import MappingProxyType
from typing import Any, Final, Literal

from schemas.base import Classification, described
from schemas.tables import HOLD_DATASET, TABLES, Table
from schemas.views import render_view

C = Classification

# Source: BigQuery, "Introduction to data masking", masking rules. EMAIL_MASK hides the name before
# the @ and hashes with SHA-256 what is no address; equal values stay equal under both rules.
MASKS: Final[Mapping[Classification, str]] = MappingProxyType(
    {
        C.IDENTITY: "EMAIL_MASK",
        C.NETWORK: "SHA256",
        C.SECRET_EVIDENCE: "SHA256",
        C.CONTENT: "ALWAYS_NULL",
    }
)

MEANINGS: Final[Mapping[Classification, str]] = MappingProxyType(
    {
        C.PUBLIC: "facts about the work that name nobody but by pseudonym; no policy tag",
        C.IDENTITY: "names a person: subject, mail address, groups, manager",
        C.NETWORK: "tells where someone sat: address, host, machine, user agent",
        C.CONTENT: "a text, sealed or in clear",
        C.SECRET_EVIDENCE: "lets equal secrets be found, and the exact record of an event",
        C.KEY: "a content key, wrapped",
    }
)

Scope = Literal["tenant", "department", "all"]


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of reader or writer; terraform grants it to one group or service account.

    ``datasets`` are read whole; a role of scope ``department`` reads only the tables that tell a
    department, whatever dataset they are in. ``custom_roles`` maps a dataset to the custom role
    that an account gets there, because each predefined one would let it do more.
    """

    name: str
    member: Literal["group", "serviceAccount"]
    purpose: str
    datasets: tuple[str, ...] = ()
    clear: frozenset[Classification] = frozenset()
    masked: frozenset[Classification] = frozenset()
    scope: Scope | None = None
    opens_texts: bool = False
    custom_roles: Mapping[str, str] = field(default_factory=dict)

    def may(self, classification: Classification) -> Literal["clear", "masked", "none"]:
        """Return how the role sees a column of a class."""
        if classification in self.clear:
            return "clear"
        return "masked" if classification in self.masked else "none"


_DATASETS: Final = tuple(sorted({table.dataset for table in TABLES.values()}))

# What a loader may do: know a table's columns and append. roles/bigquery.dataEditor could read.
# Source: BigQuery, "Storage Write API", required permissions.
LOADER_PERMISSIONS: Final = ("bigquery.tables.get", "bigquery.tables.updateData")
_LOADER: Final = "tailnumberLoader"

# What `tailnumber retain`, `hold` and `erase` do: read what a hold keeps, everywhere; insert and
# delete in `hold`, delete a person's rows of `keys`, empty texts that stand in clear in `content`.
# roles/bigquery.dataEditor could drop a table and shorten its expiry.
# Source: BigQuery, "Data manipulation language", required permissions.
KEEPER_READS: Final = "tailnumberKeeperReads"
KEEPER_CHANGES: Final = "tailnumberKeeperChanges"
_READS: Final = ("bigquery.tables.get", "bigquery.tables.getData")

CUSTOM_ROLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        _LOADER: LOADER_PERMISSIONS,
        KEEPER_READS: _READS,
        KEEPER_CHANGES: (*_READS, "bigquery.tables.updateData"),
    }
)

# What was widened since it was first published, and why: `python -m schemas check` refuses each
# such sentence that does not stand here, and docs/access.md shows them to whoever signs.
WIDENED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "role keeper was added": (
            "2026-11-21: on Google Cloud holds and erasures are carried out by an account of their "
            "own, which may do nothing else; before, a person with an admin's rights did it"
        ),
        "role admin gained roles/bigquery.dataOwner on hold": (
            "2026-11-21: terraform owns the dataset hold, so its admins do as of every other"
        ),
    }
)

ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role(
                "auditor",
                "group",
                "proves that the trail is whole and the controls work; needs to tell people apart, "
                "not to know them",
                ("audit", "integrity"),
                frozenset({C.PUBLIC}),
                frozenset({C.IDENTITY, C.NETWORK, C.SECRET_EVIDENCE, C.CONTENT}),
                "tenant",
            ),
            Role(
                "analyst",
                "group",
                "answers who did what for compliance, data-subject requests and cost",
                ("audit", "integrity"),
                frozenset({C.PUBLIC, C.IDENTITY}),
                frozenset({C.NETWORK, C.SECRET_EVIDENCE, C.CONTENT}),
                "tenant",
            ),
            Role(
                "security",
                "group",
                "follows an incident: which machine, which address, where the same secret was seen",
                ("audit", "integrity"),
                frozenset({C.PUBLIC, C.IDENTITY, C.NETWORK, C.SECRET_EVIDENCE}),
                frozenset({C.CONTENT}),
                "tenant",
            ),
            Role(
                "investigator",
                "group",
                "reads the texts of a case; membership is given for a case and taken back after it",
                ("audit", "content", "integrity", "keys"),
                frozenset(Classification),
                frozenset(),
                "tenant",
                opens_texts=True,
            ),
            Role(
                "manager",
                "group",
                "sees use, cost and findings of the own department",
                (),
                frozenset({C.PUBLIC, C.IDENTITY}),
                frozenset({C.NETWORK, C.SECRET_EVIDENCE}),
                "department",
            ),
            Role(
                "looker",
                "serviceAccount",
                "fills dashboards, which everyone of the company may open, from views of public "
                "columns alone",
                ("reporting",),
                frozenset({C.PUBLIC}),
                frozenset(),
                "tenant",
            ),
            Role(
                "loader",
                "serviceAccount",
                "appends rows; reads nothing, not even its own",
                custom_roles=dict.fromkeys(_DATASETS, _LOADER),
            ),
            # It copies each column of a held row, so it reads them; sealed texts stay sealed,
            # because it may not decrypt with the key that wraps content keys.
            Role(
                "keeper",
                "serviceAccount",
                "copies rows that a legal hold keeps, and ends erasures; opens no sealed text",
                clear=frozenset({C.PUBLIC, C.IDENTITY, C.NETWORK, C.SECRET_EVIDENCE, C.CONTENT}),
                scope="all",
                custom_roles={
                    "audit": KEEPER_READS,
                    "content": KEEPER_CHANGES,
                    HOLD_DATASET: KEEPER_CHANGES,
                    "integrity": KEEPER_READS,
                    "keys": KEEPER_CHANGES,
                },
            ),
            Role(
                "admin",
                "group",
                "manages tables, tags and grants; every right it could give itself is in the "
                "cloud's own audit log",
                clear=frozenset({C.PUBLIC}),
                scope="all",
            ),
        )
    }
)

REPORTING: Final = "reporting"
# What dashboards show. Holds, changes and refusals are for whoever may read `audit` itself.
_REPORTED: Final = ("interactions", "findings", "tool_calls", "access_denials")


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """A filter on the rows of some tables; ``${…}`` in it stands for one of ``for_each``."""

    name: str
    predicate: str
    for_each: tuple[str, ...]
    roles: tuple[str, ...]
    tables: tuple[str, ...]

    def statement(self, table: str, grantees: tuple[str, ...], **values: str) -> str:
        """Return the SQL that puts the policy on a table for one tenant or department."""
        literals = {name: _escaped(value) for name, value in values.items()}
        predicate = Template(self.predicate).substitute(literals)
        members = ", ".join(f"'{_escaped(each)}'" for each in grantees)
        suffix = "".join(f"_{_word(values[name])}" for name in self.for_each)
        return (
            f"CREATE OR REPLACE ROW ACCESS POLICY `{self.name}{suffix}` ON `{table}`\n"
            f"GRANT TO ({members})\nFILTER USING ({predicate})"
        )


def row_policies() -> tuple[RowPolicy, ...]:
    """Return the row policies; together they stand on every table of the contract."""

    def having(*columns: str) -> tuple[str, ...]:
        return tuple(n for n, t in TABLES.items() if set(columns) <= t.row.model_fields.keys())

    def of(scope: Scope) -> tuple[str, ...]:
        return tuple(role.name for role in ROLES.values() if role.scope == scope)

    untenanted = tuple(n for n, t in TABLES.items() if "tenant_id" not in t.row.model_fields)
    return (
        RowPolicy(
            "tenant", "tenant_id = '${tenant}'", ("tenant",), of("tenant"), having("tenant_id")
        ),
        RowPolicy(
            "department",
            "tenant_id = '${tenant}' AND department = '${department}'",
            ("tenant", "department"),
            of("department"),
            having("tenant_id", "department"),
        ),
        # A refused message is of no tenant that could be trusted; its row tells no content.
        RowPolicy("untenanted", "TRUE", (), of("tenant"), untenanted),
        # Without a policy of TRUE nobody could copy, snapshot or delete rows. A table of `hold`
        # has the policies of the table whose rows it keeps.
        RowPolicy("everything", "TRUE", (), of("all"), tuple(TABLES)),
    )


def reporting_views() -> Mapping[str, str]:
    """Return the query of each view for dashboards: each row once, public columns alone.

    They read the tables, not the views of ``audit``: an authorized view needs no other then.
    """
    result = {}
    for table in TABLES.values():
        if table.name in _REPORTED:
            name = f"{REPORTING}.{table.name}"
            public = [n for n, cls in classes_of(table) if cls is Classification.PUBLIC]
            result[name] = render_view(table, name, public)
    return result


def classes_of(table: Table) -> Iterator[tuple[str, Classification]]:
    """Yield each column of a table with its class."""
    for name, info in table.row.model_fields.items():
        yield name, described(info)[1]


def readable_tables(role: Role) -> tuple[str, ...]:
    """Return the tables and views that a role is granted one by one, not by dataset."""
    if role.scope != "department":
        return ()
    tables = [TABLES[name] for name in row_policies()[1].tables]
    return tuple(name for table in tables for name in (table.id, table.view_id))


def document() -> dict[str, Any]:
    """Return what terraform applies: taxonomy, data policies, row policies, views and grants."""
    tags = [each for each in Classification if each is not Classification.PUBLIC]
    return {
        "taxonomy": {
            "display_name": "tailnumber",
            "activated_policy_types": ["FINE_GRAINED_ACCESS_CONTROL"],
            "policy_tags": {tag.value: {"description": MEANINGS[tag]} for tag in tags},
        },
        "data_policies": {
            f"{tag.value}_masked": {
                "policy_tag": tag.value,
                "predefined_expression": MASKS[tag],
                "masked_readers": [r.name for r in ROLES.values() if tag in r.masked],
            }
            for tag in MASKS
        },
        "fine_grained_readers": {
            tag.value: [r.name for r in ROLES.values() if tag in r.clear] for tag in tags
        },
        "row_policies": [
            {
                "name": policy.name,
                "filter_predicate": policy.predicate,
                "for_each": list(policy.for_each),
                "roles": list(policy.roles),
                "tables": list(policy.tables),
            }
            for policy in row_policies()
        ],
        "roles": {role.name: _grants(role) for role in ROLES.values()},
        "custom_roles": {name: list(each) for name, each in CUSTOM_ROLES.items()},
        "authorized_views": [
            {"view": name, "source_dataset": "audit"} for name in reporting_views()
        ],
        "column_tags": {
            name: {c: cls.value for c, cls in classes_of(table) if cls is not Classification.PUBLIC}
            for name, table in TABLES.items()
        },
        "widened": dict(WIDENED),
    }


def _grants(role: Role) -> dict[str, Any]:
    """Return a role's rights; what it reads by tag stands with the tags."""
    viewer = "roles/bigquery.dataViewer"
    grants: dict[str, Any] = {"member": role.member, "purpose": role.purpose}
    grants["project_roles"] = ["roles/bigquery.jobUser"] if role.name != "loader" else []
    grants["dataset_roles"] = {**dict.fromkeys(role.datasets, viewer), **role.custom_roles}
    grants["table_roles"] = dict.fromkeys(readable_tables(role), viewer)
    if role.name == "admin":
        owned = [*_DATASETS, REPORTING, HOLD_DATASET]
        grants["dataset_roles"] = dict.fromkeys(owned, "roles/bigquery.dataOwner")
    # The role that AEAD.DECRYPT_STRING(KEYS.KEYSET_CHAIN(…)) asks of whoever runs the query.
    # Source: Cloud KMS, "Permissions and roles".
    grants["kms_roles"] = (
        ["roles/cloudkms.cryptoKeyDecrypterViaDelegation"] if role.opens_texts else []
    )
    return grants


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _word(value: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "_" for char in value.lower())
