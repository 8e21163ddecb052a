"""Ask the warehouse what was recorded, with BigQuery's own client.

The same SQL runs on Google's BigQuery. Every question filters on the partition column, as the
tables on Google Cloud require. Texts stay sealed here: ``tailnumber.reader`` opens them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from tailnumber.errors import CommandError
from tailnumber.stack.layout import HOST, Endpoints

Row = Mapping[str, Any]

# Longest wait for one question on one machine.
ANSWER_SECONDS: Final = 60.0
# Rows of an answer that travel at once.
_PAGE_ROWS: Final = 10_000
# A connection that is refused is tried again for so long, and no longer.
_RETRY: Final = DEFAULT_RETRY.with_timeout(5.0)
_TYPES: Final[Mapping[type, str]] = {
    str: "STRING",
    int: "INT64",
    float: "FLOAT64",
    bool: "BOOL",
    datetime: "TIMESTAMP",
    date: "DATE",
}

# A tuple is an array of texts.
Value = str | int | float | bool | datetime | date | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one question and the order of their columns."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]


class Trail:
    """Questions to one running stack."""

    def __init__(self, client: bigquery.Client) -> None:
        self._client = client

    def ask(self, sql: str, **parameters: Value) -> Answer:
        """Run one query; ``@name`` in it stands for the parameter of that name.

        Raises:
            CommandError: BigQuery refused the question, or did not answer in time.
        """
        with failures_told():
            result = self._run(sql, parameters)
            columns = tuple(field.name for field in result.schema)
            return Answer(columns, [dict(row.items()) for row in result])

    def stream(self, sql: str, **parameters: Value) -> Iterator[Row]:
        """Run one query and yield its rows, of which one page at a time is held.

        Raises:
            CommandError: as of ``ask``, also while the rows come.
        """
        with failures_told():
            for row in self._run(sql, parameters):
                yield dict(row.items())

    def change(self, sql: str, **parameters: Value) -> int:
        """Run one statement that changes rows; return how many it changed.

        Raises:
            CommandError: as of ``ask``.
        """
        with failures_told():
            job = self._job(sql, parameters)
            job.result(timeout=ANSWER_SECONDS, retry=_RETRY, job_retry=None)
            return job.num_dml_affected_rows or 0

    @property
    def client(self) -> bigquery.Client:
        """Return the client, for what no statement does; wrap calls in ``failures_told``."""
        return self._client

    def bytes_read(self, sql: str, **parameters: Value) -> int:
        """Return the bytes that BigQuery would read for a query, by a dry run, which is free.

        Raises:
            CommandError: as of ``ask``.
        """
        with failures_told():
            config = bigquery.QueryJobConfig(
                query_parameters=_bound(parameters), dry_run=True, use_query_cache=False
            )
            job = self._client.query(
                sql, config, timeout=ANSWER_SECONDS, retry=_RETRY, job_retry=None
            )
            return int(job.total_bytes_processed or 0)

    def _run(self, sql: str, parameters: Mapping[str, Value]) -> bigquery.table.RowIterator:
        return self._job(sql, parameters).result(
            page_size=_PAGE_ROWS, timeout=ANSWER_SECONDS, retry=_RETRY, job_retry=None
        )

    def _job(self, sql: str, parameters: Mapping[str, Value]) -> bigquery.QueryJob:
        config = bigquery.QueryJobConfig(query_parameters=_bound(parameters))
        return self._client.query(sql, config, timeout=ANSWER_SECONDS, retry=_RETRY, job_retry=None)


def _bound(
    parameters: Mapping[str, Value],
) -> list[bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter]:
    return [
        bigquery.ArrayQueryParameter(name, "STRING", list(value))
        if isinstance(value, tuple)
        else bigquery.ScalarQueryParameter(name, _TYPES[type(value)], value)
        for name, value in parameters.items()
    ]


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn failures of calls to BigQuery into sentences.

    Raises:
        CommandError: BigQuery refused, or did not answer in time.
    """
    try:
        yield
    except exceptions.GoogleAPICallError as error:
        raise CommandError(f"BigQuery refused the query: {_sentence(error)}") from error
    except (exceptions.GoogleAPIError, OSError, TimeoutError) as error:
        raise CommandError(
            f"The warehouse did not answer ({type(error).__name__}); see: tailnumber status"
        ) from error


@contextmanager
def open_trail(endpoints: Endpoints) -> Iterator[Trail]:
    """Connect to the warehouse of a running stack."""
    # The client's HTTP library would send even loopback requests to a proxy of the environment.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), HOST)))
    client = bigquery.Client(
        project=endpoints.project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # unannotated upstream
        client_options=ClientOptions(api_endpoint=endpoints.bigquery),
    )
    try:
        yield Trail(client)
    finally:
        client.close()  # type: ignore[no-untyped-call]  # unannotated upstream


@contextmanager
def open_bigquery(project: str) -> Iterator[Trail]:
    """Connect to BigQuery in a project as who the machine is signed in as.

    The client's own environment decides: application default credentials, and
    ``BIGQUERY_EMULATOR_HOST`` for a server that asks for none.

    Raises:
        CommandError: nobody is signed in.
    """
    try:
        client = bigquery.Client(
            project=project,
            credentials=AnonymousCredentials() if is_emulated() else None,  # type: ignore[no-untyped-call]  # unannotated upstream
        )
    except DefaultCredentialsError as error:
        raise CommandError(
            "Nobody is signed in at Google Cloud; run: gcloud auth application-default login"
        ) from error
    try:
        yield Trail(client)
    finally:
        client.close()  # type: ignore[no-untyped-call]  # unannotated upstream


def is_emulated() -> bool:
    """Tell whether ``open_bigquery`` reaches a server that is not Google's."""
    return "BIGQUERY_EMULATOR_HOST" in os.environ


def _sentence(error: exceptions.GoogleAPICallError) -> str:
    errors: Sequence[Any] = error.errors or ()
    said = next((e["message"] for e in errors if isinstance(e, dict) and e.get("message")), "")
    lines = str(said or error.message).strip().splitlines()
    return lines[0] if lines else type(error).__name__
