"""Ask the audit trail from a notebook: one setting chooses this machine or Google's BigQuery.

``project`` (or ``TAILNUMBER_BIGQUERY_PROJECT``, as for ``tailnumber ask``) names a Google Cloud
project, asked as who you are signed in there; without it the stack of this machine is asked, whose
``endpoints.json`` lies in ``TAILNUMBER_DATA_DIR``. Only rows are read, never a text: sealed texts
are opened by ``tailnumber search`` and ``replay``, which record who read them and why.

Copy this file, ``show.py`` and ``schemas/queries`` beside the notebooks, or clone the repository.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

QUERIES = Path(__file__).resolve().parent.parent / "schemas" / "queries"
HOST = "127.0.0.1"
# Longest wait for one answer.
ANSWER_SECONDS = 600
PAGE_ROWS = 10_000

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_PARAMETER = re.compile(r"^-- parameter: (\w+) (\S+?)(?: =(?: ([^;\n]*?))?)?;", re.MULTILINE)
_TYPES = {
    str: "STRING",
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    datetime: "TIMESTAMP",
    date: "DATE",
}
_COLUMNS = {
    "INTEGER": pl.Int64,
    "INT64": pl.Int64,
    "FLOAT": pl.Float64,
    "FLOAT64": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "BOOL": pl.Boolean,
    "STRING": pl.String,
    "DATE": pl.Date,
    "TIMESTAMP": pl.Datetime("us", "UTC"),
}


class Refused(Exception):
    """The notebook cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Read:
    """One query that was put, for the evidence."""

    asked: str
    rows: int
    mib: float
    job_id: str
    sql_sha256: str


class Warehouse:
    """The audit trail between ``since`` and ``until``, as far as the reader's roles let see."""

    def __init__(
        self,
        client: bigquery.Client,
        place: str,
        since: datetime,
        until: datetime,
        case: str,
        gib_max: float,
    ) -> None:
        self._client = client
        self._gib_max = gib_max
        self.place = place
        self.since = since
        self.until = until
        self.case = case
        self.tenant = ""
        self._reads: list[Read] = []

    @property
    def hours(self) -> float:
        """Return the length of the period, hours."""
        return (self.until - self.since) / timedelta(hours=1)

    def told(self) -> str:
        """Return in a sentence what is looked at."""
        return (
            f"{self.place}; tenant {self.tenant or '(no rows)'}; {self.since:%Y-%m-%d %H:%M} to "
            f"{self.until:%Y-%m-%d %H:%M} UTC; case {self.case or '(none)'}"
        )

    def ask(self, name: str, **parameters: Any) -> pl.DataFrame:
        """Put a question that ships with the product: ``schemas/queries/NAME.sql``.

        A parameter that is not given has the question's default; times count back from ``until``.
        """
        file = QUERIES / f"{name}.sql"
        if not file.exists():
            raise Refused(
                f"There is no question {name} in {QUERIES}: copy the folder schemas/queries there."
            )
        text = file.read_text("utf-8")
        defaults = {
            said[1]: _read_default(said[2], said[3] or "", self.until)
            for said in _PARAMETER.finditer(text)
            if "=" in said[0]
        }
        return self._frame(name, text, {**defaults, **self._period(text), **parameters})

    def query(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """Put a query of the notebook's own; ``@since`` and ``@until`` are the period."""
        return self._frame("(this notebook)", sql, {**self._period(sql), **parameters})

    def stream(self, sql: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Put a query and yield its rows, of which one page at a time is held."""
        for row in self._run("(this notebook)", sql, {**self._period(sql), **parameters}):
            yield dict(row.items())

    def reads(self) -> pl.DataFrame:
        """Return every query that was put: what was read, and the job in BigQuery's own log."""
        return pl.DataFrame([asdict(read) for read in self._reads])

    def _period(self, sql: str) -> dict[str, datetime]:
        period = {"since": self.since, "until": self.until}
        return {name: at for name, at in period.items() if f"@{name}" in sql}

    def _frame(self, asked: str, sql: str, parameters: dict[str, Any]) -> pl.DataFrame:
        result = self._run(asked, sql, parameters)
        rows = [tuple(row.values()) for row in result]
        return pl.DataFrame(
            rows, schema={field.name: _column(field) for field in result.schema}, orient="row"
        )

    def _run(self, asked: str, sql: str, parameters: dict[str, Any]) -> Any:
        config = bigquery.QueryJobConfig(
            query_parameters=[_bound(name, value) for name, value in parameters.items()],
            # The read is billed to nobody's surprise, and says in BigQuery's log what it was for.
            maximum_bytes_billed=int(self._gib_max * 2**30),
            labels={"audit_case": _label(self.case)} if self.case else {},
        )
        job = self._client.query(sql, config, timeout=ANSWER_SECONDS)
        result = job.result(page_size=PAGE_ROWS, timeout=ANSWER_SECONDS)
        self._reads.append(
            Read(
                asked,
                result.total_rows or 0,
                round((job.total_bytes_billed or 0) / 2**20, 1),
                job.job_id,
                hashlib.sha256(sql.encode()).hexdigest(),
            )
        )
        return result


def open_warehouse(
    *,
    since: str,
    until: str,
    tenant: str = "",
    case: str = "",
    project: str = "",
    gib_max: float = 20,
) -> Warehouse:
    """Connect, and see that the rows are of one tenant.

    Args:
        since: start of the period: a date or time in UTC, or a span before ``until`` such as 30d.
        until: its end, not in it: a date or time, or ``now``.
        tenant: whose rows; empty: of the only tenant there is.
        case: number of the case; label ``audit_case`` of every query. Required on BigQuery.
        project: Google Cloud project; empty: TAILNUMBER_BIGQUERY_PROJECT, else this machine.
        gib_max: BigQuery refuses, unbilled, a query that would read more GiB than this.

    Raises:
        Refused: no stack runs here, a case is missing, or rows of several tenants would be mixed.
    """
    project = project or os.environ.get("TAILNUMBER_BIGQUERY_PROJECT", "")
    if project and not case.strip():
        raise Refused('Reading the trail is for a case: set case = "…" in the first cell.')
    end = _time(until, datetime.now(UTC))
    begin = _time(since, end)
    if begin >= end:
        raise Refused(
            f"The period is empty: since {begin:%Y-%m-%d} is not before until {end:%Y-%m-%d}."
        )
    client, place = _google(project) if project else _this_machine()
    warehouse = Warehouse(client, place, begin, end, case.strip(), gib_max)
    warehouse.tenant = _one_tenant(warehouse, tenant)
    return warehouse


def _google(project: str) -> tuple[bigquery.Client, str]:
    return bigquery.Client(project=project), f"BigQuery, project {project}"


def _this_machine() -> tuple[bigquery.Client, str]:
    folder = os.environ.get("TAILNUMBER_DATA_DIR")
    if not folder:
        # Comes with tailnumber[local], without which there is no stack to ask.
        from platformdirs import user_data_path

        folder = str(user_data_path("tailnumber", appauthor=False))
    try:
        endpoints = json.loads((Path(folder) / "endpoints.json").read_bytes())
    except FileNotFoundError:
        raise Refused(
            f"No stack runs on {folder}: start one with `tailnumber up`, or name the folder of one in "
            "TAILNUMBER_DATA_DIR (`make demo` says its own), or a Google Cloud project in the first "
            'cell: project = "…".'
        ) from None
    # The client's HTTP library would send even loopback requests to a proxy of the environment.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), HOST)))
    client = bigquery.Client(
        project=endpoints["project"],
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=endpoints["bigquery"]),
    )
    return client, "the stack of this machine"


def _one_tenant(warehouse: Warehouse, tenant: str) -> str:
    """Return the tenant of all rows of the period; the shipped questions would mix several."""
    seen = warehouse.query(
        """
        SELECT tenant_id, COUNT(*) AS interaction_count
        FROM audit.interactions
        WHERE requested_at >= @since AND requested_at < @until
        GROUP BY tenant_id
        ORDER BY tenant_id
        """
    )["tenant_id"].to_list()
    if len(seen) > 1:
        raise Refused(
            f"You may see {len(seen)} tenants ({', '.join(seen)}), and answers would mix them: ask as "
            "somebody whose row policy admits one (docs/access.md)."
        )
    if tenant and seen and seen != [tenant]:
        raise Refused(f"You see rows of tenant {seen[0]}, none of {tenant}.")
    return tenant or (seen[0] if seen else "")


def _time(text: str, now: datetime) -> datetime:
    text = text.strip()
    if text == "now":
        return now
    if span := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no time: write 2026-10-01, 90d or now.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _read_default(kind: str, text: str, now: datetime) -> Any:
    """Return a default as ``schemas/question_values.py`` reads it."""
    if kind == "TIMESTAMP":
        return _time(text, now)
    if kind == "ARRAY<STRING>":
        return [part.strip() for part in text.split(",") if part.strip()]
    read = {"INT64": int, "FLOAT64": float, "STRING": str, "BOOL": lambda said: said == "true"}
    return read[kind](text)


def _bound(name: str, value: Any) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    if isinstance(value, list):
        return bigquery.ArrayQueryParameter(name, "STRING", value)
    return bigquery.ScalarQueryParameter(name, _TYPES[type(value)], value)


def _column(field: bigquery.SchemaField) -> Any:
    kind = _COLUMNS.get(field.field_type)
    return pl.List(kind) if field.mode == "REPEATED" else kind


def _label(case: str) -> str:
    # Source: BigQuery, "Requirements for labels": lower-case letters, digits, - and _, 63 at most.
    return re.sub(r"[^a-z0-9_-]", "-", case.lower())[:63]
