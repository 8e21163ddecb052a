"""Append rows to BigQuery through the Storage Write API's default stream: insert, nothing else.

A batch is taken whole or not at all. Rows that the server names as wrong come back to the caller
and the rest is sent again; when it refuses a batch without naming a row, halves are tried until
the wrong rows stand alone. Every call has a deadline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import grpc  # type: ignore[import-untyped]  # ships no stubs
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)

from pipeline.encode import RowEncoder
from pipeline.errors import WarehouseError

# Source: BigQuery quotas, Storage Write API, "AppendRows request size: 10 MB". The rest is room
# for the descriptor and the frame of each row.
BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
ROW_BYTES_MAX: Final = 9 * 1024 * 1024

# Longest time one append may take. The client itself would try for 24 hours.
DEADLINE_SECONDS: Final = 30.0

# A batch of this many rows that are all refused says that the table is wrong, not the rows: the
# load stops rather than drain everything into dead letters.
SUSPICIOUS_ROWS: Final = 16

# Longest pause between attempts to reach a server on this machine.
RECONNECT_MILLISECONDS: Final = 1000

# Frame of one row inside the request: tag and length.
_FRAME_BYTES: Final = 6

# Answers that blame the rows; any other may pass with time. bqemulator says UNKNOWN or INTERNAL
# for a row that its table cannot hold, so these are tried by halves too; a server that is down
# says UNAVAILABLE or DEADLINE_EXCEEDED.
_BLAMES_ROWS: Final = (
    exceptions.InvalidArgument,
    exceptions.OutOfRange,
    exceptions.InternalServerError,
    exceptions.Unknown,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A table to append to: ``projects/P/datasets/D/tables/T`` and its encoder."""

    path: str
    encoder: RowEncoder


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that BigQuery refused: its place in the batch and a code, no value."""

    index: int
    reason_code: str


class RowWriter:
    """Append encoded rows; safe to use from one thread at a time. Close it after use."""

    def __init__(
        self, client: BigQueryWriteClient, *, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._client = client
        self._deadline_seconds = deadline_seconds

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()  # type: ignore[no-untyped-call]  # unannotated upstream

    def append(self, target: Target, rows: Sequence[bytes]) -> list[RowError]:
        """Append rows and return those that the server refused; all others are durable.

        After an error some of the rows may be in the table: send all of them again, the views
        show each once.

        Raises:
            WarehouseError: the server did not answer, or not in time, or refuses every row of a
                batch.
        """
        refused = [
            RowError(index, "row_too_large")
            for index, row in enumerate(rows)
            if len(row) > ROW_BYTES_MAX
        ]
        for batch in _batches(rows):
            wrong = self._append_batch(target, rows, batch)
            if len(wrong) == len(batch) >= SUSPICIOUS_ROWS:
                raise WarehouseError(f"BigQuery refuses every row for {target.path}")
            refused += wrong
        return sorted(refused, key=lambda error: error.index)

    def _append_batch(
        self, target: Target, rows: Sequence[bytes], batch: Sequence[int]
    ) -> list[RowError]:
        if not batch:
            return []
        response = self._send(target, [rows[index] for index in batch])
        if response is None:
            if len(batch) == 1:
                return [RowError(batch[0], "row_refused")]
            middle = len(batch) // 2
            return self._append_batch(target, rows, batch[:middle]) + self._append_batch(
                target, rows, batch[middle:]
            )
        refused = [
            RowError(batch[error.index], types.RowError.RowErrorCode(error.code).name.lower())
            for error in response.row_errors
        ]
        if not refused:
            return []
        wrong = {error.index for error in refused}
        rest = [index for index in batch if index not in wrong]
        return refused + self._append_batch(target, rows, rest)

    def _send(self, target: Target, rows: Sequence[bytes]) -> types.AppendRowsResponse | None:
        """Send one request; ``None`` says that the server blames rows without naming them."""
        stream = f"{target.path}/streams/_default"
        request = types.AppendRowsRequest(
            write_stream=stream,
            proto_rows=types.AppendRowsRequest.ProtoData(
                writer_schema=types.ProtoSchema(proto_descriptor=target.encoder.descriptor),
                rows=types.ProtoRows(serialized_rows=rows),
            ),
        )
        try:
            answers = self._client.append_rows(
                iter((request,)),
                retry=None,
                timeout=self._deadline_seconds,
                metadata=(("x-goog-request-params", f"write_stream={stream}"),),
            )
            response = next(iter(answers), None)
        except _BLAMES_ROWS:
            return None
        except (exceptions.GoogleAPICallError, grpc.RpcError) as error:
            # The server's words may quote a row: only the kind of error goes on.
            raise WarehouseError(f"BigQuery did not take the rows: {_kind(error)}") from None
        if response is None:
            raise WarehouseError("BigQuery ended the stream without an answer")
        return self._checked(response)

    @staticmethod
    def _checked(response: types.AppendRowsResponse) -> types.AppendRowsResponse | None:
        code = response.error.code
        if response.row_errors or not code:
            return response
        if code in (
            grpc.StatusCode.INVALID_ARGUMENT.value[0],
            grpc.StatusCode.OUT_OF_RANGE.value[0],
        ):
            return None
        raise WarehouseError(f"BigQuery did not take the rows: status {code}")


def open_writer(
    address: str | None = None, *, deadline_seconds: float = DEADLINE_SECONDS
) -> RowWriter:
    """Return a writer: ``host:port`` is a server on this machine, in plaintext; else Google's."""
    if address is None:
        return RowWriter(_client(), deadline_seconds=deadline_seconds)
    channel = grpc.insecure_channel(
        address,
        options=[
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            # A restarted local server is back in seconds; gRPC would wait up to two minutes.
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MILLISECONDS),
        ],
    )
    transport = BigQueryWriteGrpcTransport(channel=channel)
    return RowWriter(_client(transport), deadline_seconds=deadline_seconds)


def _client(transport: BigQueryWriteGrpcTransport | None = None) -> BigQueryWriteClient:
    return BigQueryWriteClient(transport=transport)  # type: ignore[no-untyped-call]  # unannotated upstream


def _batches(rows: Sequence[bytes]) -> Iterator[list[int]]:
    """Yield runs of indexes whose rows fit one request; rows that fit none are left out."""
    batch: list[int] = []
    size = 0
    for index, row in enumerate(rows):
        if len(row) > ROW_BYTES_MAX:
            continue
        length = len(row) + _FRAME_BYTES
        if batch and size + length > BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += length
    if batch:
        yield batch


def _kind(error: Any) -> str:
    return type(error).__name__
