"""Encode rows as the Storage Write API takes them: protocol buffers built from a table's columns.

One encoder per table. The descriptor travels with the first request of a stream, so nothing is
generated ahead of time and a new column needs no build step.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from google.protobuf import (  # type: ignore[import-untyped]  # ships no stubs
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import EncodeError  # type: ignore[import-untyped]  # ships no stubs

from pipeline.errors import RowRefusedError

_FIELD: Final = descriptor_pb2.FieldDescriptorProto

# Source: BigQuery Storage Write API, "Supported protocol buffer data types".
_PROTO_TYPES: Final[Mapping[str, Any]] = {
    "STRING": _FIELD.TYPE_STRING,
    "INTEGER": _FIELD.TYPE_INT64,
    "FLOAT": _FIELD.TYPE_DOUBLE,
    "BOOLEAN": _FIELD.TYPE_BOOL,
    "TIMESTAMP": _FIELD.TYPE_INT64,
    "BYTES": _FIELD.TYPE_BYTES,
    "NUMERIC": _FIELD.TYPE_STRING,
    "RECORD": _FIELD.TYPE_MESSAGE,
}
_LABELS: Final[Mapping[str, Any]] = {
    "REQUIRED": _FIELD.LABEL_REQUIRED,
    "NULLABLE": _FIELD.LABEL_OPTIONAL,
    "REPEATED": _FIELD.LABEL_REPEATED,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TIMES_REMEMBERED: Final = 256


class RowEncoder:
    """Turn a row (column name to value) into protobuf bytes.

    TIMESTAMP columns take datetimes, NUMERIC ones decimals. A column that the row does not name,
    or names as ``None``, is NULL.
    """

    def __init__(self, columns: Iterable[Mapping[str, Any]]) -> None:
        columns = tuple(columns)
        self.descriptor: Final = _descriptor("Row", columns)
        self._timestamps = tuple(c["name"] for c in columns if c["type"] == "TIMESTAMP")
        self._numerics = tuple(c["name"] for c in columns if c["type"] == "NUMERIC")
        self._message = _message_class(self.descriptor)

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """Return the row's bytes.

        Raises:
            RowRefusedError: a column is unknown, missing or of another type. The reason says no
                value.
        """
        values = dict(row)
        try:
            for name in self._timestamps:
                moment = values.get(name)
                if moment is not None:
                    values[name] = _microseconds(moment)
            for name in self._numerics:
                number = values.get(name)
                if number is not None:
                    values[name] = format(number, "f")
            encoded: bytes = self._message(**values).SerializeToString()
        except EncodeError:
            raise RowRefusedError("column_missing", "a required column has no value") from None
        except (ValueError, TypeError):
            # The library's own words quote the value.
            raise RowRefusedError("column_mistyped", "a value does not fit its column") from None
        return encoded


@lru_cache(maxsize=_TIMES_REMEMBERED)
def _microseconds(moment: datetime) -> int:
    """Return a time as BigQuery takes it; the rows of an event and a batch share theirs."""
    return (moment - _EPOCH) // _MICROSECOND


def _descriptor(name: str, columns: Iterable[Mapping[str, Any]]) -> Any:
    message = descriptor_pb2.DescriptorProto(name=name)
    for number, column in enumerate(columns, start=1):
        field = message.field.add(
            name=column["name"],
            number=number,
            type=_PROTO_TYPES[column["type"]],
            label=_LABELS[column["mode"]],
        )
        if column["type"] == "RECORD":
            field.type_name = f"Nested_{column['name']}"
            message.nested_type.append(_descriptor(field.type_name, column["fields"]))
    return message


def _message_class(descriptor: Any) -> Any:
    # A pool of its own: every table's message is called `Row`.
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", syntax="proto2")
    file.message_type.append(descriptor)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Row"))
