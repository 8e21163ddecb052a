"""October 2026 at a company of 200 people, generated, the same each time.

``Month()`` is the month's ordinary work: weekdays, nine to five, by rules that let pass all of it.
``plant(month)`` (planted.py) adds what questions are meant to find, and nothing else is there to
be found. What was planted stands in ``month.facts``; what all the work adds up to can be counted
from ``month.interactions``. Events take the product's own way: record, message, decode, verify,
enrich and rows.
"""

import base64
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet
from audit_messages import message
from google.cloud import bigquery

from pipeline.decode import Incoming, decode
from pipeline.enrich import enrich
from pipeline.rows import rows
from pipeline.verify import verify
from schemas.bigquery import render_table
from schemas.tables import TABLES

BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
TENANT = "acme"
ISSUER = "https://login.acme.example"
DEPARTMENTS = ("payments", "platform", "mobile", "data", "support")
MODELS = (
    ("github.copilot", "gpt-5-mini"),
    ("anthropic", "claude-sonnet-5"),
    ("github.copilot", "gpt-5"),
)
# USD per million tokens of input and output.
PRICES = {
    "gpt-5-mini": (Decimal("0.25"), Decimal("2.00")),
    "claude-sonnet-5": (Decimal("3.00"), Decimal("15.00")),
    "gpt-5": (Decimal("1.25"), Decimal("10.00")),
}
FIRST_POLICY, SECOND_POLICY = "a" * 64, "b" * 64
# When the second policy was loaded.
CHANGED_AT = datetime(2026, 10, 14, 16, 0, tzinfo=UTC)

RISKS = {"read_file": "read", "edit_file": "write", "run_in_terminal": "execute"}


def token(*parts: object, length: int = 26) -> str:
    """An id that follows from what it is of, in the alphabet of our ids."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:length]


def uuid_of(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()
    return "-".join(
        (digest[:8], digest[8:12], "7" + digest[13:16], "8" + digest[17:20], digest[20:32])
    )


def at(day: int, hour: int = 10, minute: int = 0, second: int = 0) -> datetime:
    """A time of October 2026."""
    return datetime(2026, 10, day, hour, minute, second, tzinfo=UTC)


def text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Person:
    number: int
    kind: str = "human"

    @property
    def name(self) -> str:
        return f"person{self.number:03}" if self.kind == "human" else f"bot{self.number:03}"

    @property
    def email(self) -> str:
        return f"{self.name}@acme.example"

    @property
    def id(self) -> str:
        return token("principal", self.name)

    @property
    def key_id(self) -> str:
        return f"gk_{self.name}"

    @property
    def contractor(self) -> bool:
        return self.number % 20 == 7

    @property
    def department(self) -> str:
        return DEPARTMENTS[self.number % len(DEPARTMENTS)]

    @property
    def groups(self) -> list[str]:
        return ["contractors" if self.contractor else "engineering", self.department]

    @property
    def principal(self) -> dict[str, Any]:
        return {
            "principal_id": self.id, "kind": self.kind, "issuer": ISSUER, "subject": self.name,
            "email": self.email, "groups": self.groups, "key_id": self.key_id,
        }  # fmt: skip

    @property
    def client(self) -> dict[str, Any]:
        return {
            "name": ("copilot-language-server", "claude-code")[self.number % 2],
            "version": ("1.539.0", "2.1.197")[self.number % 2],
            "address": f"10.0.{self.number // 250}.{self.number % 250 + 1}",
        }

    @property
    def enriched(self) -> dict[str, Any]:
        """What the directory knows."""
        place = DEPARTMENTS.index(self.department)
        return {
            "department": self.department,
            "cost_center": f"CC-{100 + place}",
            "employment_type": "contractor" if self.contractor else "employee",
            "manager_email": f"lead.{self.department}@acme.example",
            "principal_country": ("DE", "US", "FR", "DE", "IE")[place],
        }


def care_of(repository: str) -> dict[str, Any]:
    """What the file of owners says of a repository."""
    team = repository.removeprefix("acme/").rsplit("-", 1)[0]
    return {
        "repository_owner": f"team-{team}",
        "repository_criticality": "critical" if team == "payments" else "medium",
    }


@dataclass
class Interaction:
    """One prompt and what became of it, as expectations are counted from."""

    id: str
    session_id: str
    person: Person
    requested_at: datetime
    status: str
    event_id: str
    fields: dict[str, Any]
    cost: Decimal | None = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Draft:
    """An event that has no place in a chain yet."""

    at: datetime
    event_type: str
    event_id: str
    writer: str
    fields: dict[str, Any]
    contents: tuple[dict[str, str], ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    published_after: timedelta = timedelta(seconds=1)


class Month:
    """The ordinary work (``work=False``: none of it), and the means to plant more."""

    def __init__(self, *, work: bool = True) -> None:
        self.people = [Person(number) for number in range(200)]
        self.interactions: list[Interaction] = []
        # Whatever planted.py has to tell those who expect answers.
        self.facts: dict[str, Any] = {}
        # Rows that no event makes, by table: {"audit.dead_letters_v1": [{…}]}.
        self.more_rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        # (writer, sequence) of records that are lost between chain and table.
        self.lost: set[str] = set()
        # Event ids that are delivered twice.
        self.repeated: set[str] = set()
        self.writers = [uuid_of("writer", number) for number in range(2)]
        self._drafts: list[Draft] = []
        self._begin()
        if work:
            self._work()

    def _begin(self) -> None:
        for number, writer in enumerate(self.writers):
            self.event(
                "writer.opened", BEGIN, writer=writer, policy_digest=FIRST_POLICY,
                host=f"gateway-{number}", process_id=100 + number, software_version="0.1.0",
            )  # fmt: skip

    def _work(self) -> None:
        days = [BEGIN + timedelta(days=n) for n in range(31)]
        for day in (day for day in days if day.weekday() < 5):
            for person in self.people:
                n = person.number * 7 + day.day * 2
                if n % 3:
                    continue
                for turn in range(1 + n % 2):
                    at = day + timedelta(
                        hours=9 + (n + turn) % 8, minutes=(n * 29) % 60, seconds=person.number % 60,
                        microseconds=person.number,
                    )  # fmt: skip
                    self.ask(person, at, turn=turn)

    def ask(self, person: Person, at: datetime, *, turn: int = 0, **fields: Any) -> Interaction:
        """Record one interaction from request to end; fields of both events stand over the usual.

        ``status``: completed, failed, blocked, or requested for one whose end never came.
        ``findings`` and ``tool_calls`` are lists of fields of theirs; ``enriched`` are columns
        that only the pipeline adds.
        """
        number = len(self.interactions)
        status = fields.pop("status", "completed")
        n = person.number + at.day + turn
        provider, model = MODELS[n % 3]
        repository = f"acme/{person.department}-{n % 3}"
        said: dict[str, Any] = {
            "session_id": f"s-{person.name}-{at:%d}",
            "interaction_id": uuid_of("interaction", number),
            "principal": person.principal,
            "client": person.client,
            "policy_digest": FIRST_POLICY if at < CHANGED_AT else SECOND_POLICY,
            "requested_at": at,
            "connection": "copilot",
            "protocol": "openai.chat",
            "operation": "chat",
            "method": "POST",
            "path": "/chat/completions",
            "provider": provider,
            "model": model,
            "streamed": True,
            "repository": repository,
            "file_paths": [f"src/module{n % 7}.py"],
            "language": "python",
            "prompt_bytes": 2000 + n % 500,
            "effect": "allow",
            "rule_id": "engineers" if not person.contractor else "contractors",
        }
        ended: dict[str, Any] = {
            "http_status": 200,
            "upstream_status": 200,
            "model_used": model,
            "finish_reasons": ["stop"],
            "input_tokens": 800 + (number * 37) % 1200,
            "output_tokens": 50 + (number * 11) % 400,
            "completion_bytes": 1500 + n % 100,
            "duration_seconds": 1.0 + n % 5,
            "first_chunk_seconds": 0.25,
            "chunk_count": 10,
            "tool_calls": self._usual_calls(number),
        }
        enriched = fields.pop("enriched", {})
        for name in [*fields]:
            if name in ended or name in _ENDED_ONLY:
                ended[name] = fields.pop(name)
        said.update(fields)
        return self._record(person, status, said, ended, enriched)

    @staticmethod
    def _usual_calls(number: int) -> list[dict[str, Any]]:
        if number % 5 == 0:
            return [{"name": "edit_file", "file_paths": [f"src/module{number % 7}.py"]}]
        return [{"name": "read_file"}] if number % 11 == 0 else []

    def _record(
        self, person: Person, status: str, said: dict[str, Any], ended: dict[str, Any],
        enriched: dict[str, Any],
    ) -> Interaction:  # fmt: skip
        at, writer = said["requested_at"], self.writers[person.number % 2]
        findings = found = [
            _finding(said, index, each) for index, each in enumerate(said.pop("findings", ()))
        ]
        columns = {**person.enriched}
        if said.get("repository"):
            columns |= care_of(said["repository"])
        asked = {
            **said,
            "requested_at": text(at),
            "parts": [],
            "prompt_finding_count": len(findings),
        }
        if status != "blocked":
            self.event(
                "interaction.requested", at + timedelta(milliseconds=5), writer=writer,
                columns={**columns, **enriched}, findings=findings, **asked,
            )  # fmt: skip
            findings = []
        cost = None
        if status == "blocked":
            ended = {
                "http_status": 451,
                "reason_code": ended.get("reason_code", "denied_by_policy"),
            }
        elif status == "failed":
            ended = {
                "http_status": 502,
                "reason_code": ended.get("reason_code", "upstream_unreachable"),
            }
        elif status == "requested":
            ended = {}
        else:
            cost = _cost(ended)
            if cost is not None:
                enriched = {"cost_amount": cost, "cost_currency": "USD", **enriched}
        event_id = ""
        if status != "requested":
            after = timedelta(seconds=ended.get("duration_seconds", 0.05))
            event_id = self.event(
                f"interaction.{status}", at + after, writer=writer, columns={**columns, **enriched},
                findings=findings, **asked, **ended,
            )  # fmt: skip
        made = Interaction(
            said["interaction_id"], said["session_id"], person, at, status, event_id,
            {"tool_calls": [], "findings": found, **columns, **said, **ended, **enriched}, cost,
        )  # fmt: skip
        self.interactions.append(made)
        return made

    def event(
        self, event_type: str, at: datetime, *, writer: str | None = None,
        columns: dict[str, Any] | None = None, published_after: timedelta = timedelta(seconds=1),
        **fields: Any,
    ) -> str:  # fmt: skip
        """Record one event of any type; return its id."""
        event_id = uuid_of("event", len(self._drafts))
        self._drafts.append(
            Draft(
                at,
                event_type,
                event_id,
                writer or self.writers[0],
                fields,
                (),
                columns or {},
                published_after,
            )
        )
        return event_id

    def told(self, event_type: str) -> list[Draft]:
        """The events of a type that reached a table, in the order of their times."""
        kept = (draft for draft in self._drafts if draft.event_id not in self.lost)
        return sorted((d for d in kept if d.event_type == event_type), key=lambda d: d.at)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Chain the events in the order of their times and yield the rows that the pipeline makes."""
        last: dict[str, tuple[int, str]] = {}
        for draft in sorted(self._drafts, key=lambda draft: draft.at):
            sequence, previous = last.get(draft.writer, (-1, "0" * 64))
            record = {
                "event_id": draft.event_id, "event_type": draft.event_type, "event_version": 1,
                "occurred_at": text(draft.at), "tenant_id": TENANT, "writer_id": draft.writer,
                "sequence": sequence + 1, "previous_hash": previous, "assurance": "strict",
                **draft.fields,
            }  # fmt: skip
            data = json.dumps(record, separators=(",", ":")).encode()
            last[draft.writer] = (sequence + 1, hashlib.sha256(data).hexdigest())
            if draft.event_id not in self.lost:
                for _ in range(2 if draft.event_id in self.repeated else 1):
                    yield from _rows(draft, message(data, *draft.contents))
        for table, more in self.more_rows.items():
            for row in more:
                TABLES[table].row(**row)
                yield table, row

    def load(self, client: bigquery.Client) -> int:
        """Load every row by BigQuery's client; return how many.

        By load jobs of Parquet: the Storage Write API has tests of its own, and takes three times
        as long.
        """
        by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for table, row in self.rows():
            by_table[table].append(row)
        for table, loaded in by_table.items():
            file = io.BytesIO()
            pyarrow.parquet.write_table(
                pyarrow.Table.from_pylist(loaded, _arrow_schema(table)), file
            )
            file.seek(0)
            config = bigquery.LoadJobConfig(
                source_format="PARQUET", write_disposition="WRITE_APPEND"
            )
            client.load_table_from_file(file, table, job_config=config).result(timeout=60)
        return sum(map(len, by_table.values()))


# Fields of an outcome that ordinary work leaves out.
_ENDED_ONLY = frozenset(
    {
        "reason_code",
        "cached_tokens",
        "client_left",
        "completion_finding_count",
        "denied_tool_call_count",
        "code_block_count",
        "upstream_request_id",
    }
)


def _rows(draft: Draft, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    event = decode(Incoming(data, draft.event_id, draft.at + draft.published_after))
    verify(event)
    for table, row in rows(enrich(event, draft.at + draft.published_after + timedelta(seconds=1))):
        known = TABLES[table].row.model_fields
        more = {name: value for name, value in draft.columns.items() if name in known}
        if table == "audit.tool_calls_v1":
            more["risk_tier"] = draft.columns.get("risk_tier") or RISKS.get(row["name"])
        values = {**row, **more}
        yield table, {k: [*v] if isinstance(v, tuple) else v for k, v in values.items()}


_ARROW = {
    "STRING": pyarrow.string(), "INTEGER": pyarrow.int64(), "FLOAT": pyarrow.float64(),
    "BOOLEAN": pyarrow.bool_(), "BYTES": pyarrow.binary(), "NUMERIC": pyarrow.decimal128(38, 9),
    "TIMESTAMP": pyarrow.timestamp("us", tz="UTC"),
}  # fmt: skip


def _arrow_schema(table: str) -> pyarrow.Schema:
    return pyarrow.schema(_arrow_fields(render_table(TABLES[table])["schema"]))


def _arrow_fields(columns: list[dict[str, Any]]) -> list[tuple[str, pyarrow.DataType]]:
    fields = []
    for column in columns:
        kind = _ARROW.get(column["type"]) or pyarrow.struct(_arrow_fields(column["fields"]))
        fields.append(
            (column["name"], pyarrow.list_(kind) if column["mode"] == "REPEATED" else kind)
        )
    return fields


def _finding(said: dict[str, Any], index: int, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule_id": "github-pat", "tier": 1, "direction": "to_upstream", "action": "masked",
        "location": f"messages[{index}].content", "start_offset": 10, "end_offset": 50,
        "fingerprint": token("secret", said["interaction_id"], index, length=40), **given,
    }  # fmt: skip


def _cost(ended: dict[str, Any]) -> Decimal | None:
    price = PRICES.get(ended["model_used"])
    if price is None:
        return None
    amount = price[0] * ended["input_tokens"] + price[1] * ended["output_tokens"]
    return (amount / 1_000_000).quantize(Decimal("0.000000001"))
