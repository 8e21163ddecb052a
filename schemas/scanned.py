"""Estimate the bytes that BigQuery reads for a question: columns times rows. Pure.

BigQuery reads, and bills, the columns that a query names in the partitions that its filter
leaves, whatever the rows of the answer. A row's size is its columns' sizes; where a column's length
varies, the mean that is assumed stands here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from schemas.bigquery import columns
from schemas.question_sql import VIEWS

# Source: BigQuery, "Estimate and control costs", data size calculation.
_FIXED: Final[Mapping[str, int]] = MappingProxyType(
    {"INTEGER": 8, "FLOAT": 8, "BOOLEAN": 1, "TIMESTAMP": 8, "NUMERIC": 16}
)
_LENGTH_BYTES: Final = 2

# Mean lengths that are assumed, bytes: a hash is 64, an id 36, a name or code 20.
_TEXT_BYTES: Final = 20
_LONG: Final[Mapping[str, int]] = MappingProxyType(
    {
        "record": 1800,
        "ciphertext": 1200,
        "path": 30,
        "principal_groups": 2 * 16,
        "file_paths": 2 * 40,
        "prompt_part_ids": 12 * 28,
        "completion_part_ids": 28,
    }
)
_BY_ENDING: Final = (("_hash", 64), ("_digest", 64), ("_id", 36), ("fingerprint", 64))

# Elements assumed of a repeated record.
_ELEMENTS: Final = 1


def row_bytes(view: str, names: tuple[str, ...]) -> int:
    """Return the bytes that one row's columns of these names take, on average."""
    schema = {column["name"]: column for column in columns(VIEWS[view].row)}
    return sum(_bytes(schema[name]) for name in names)


def _bytes(column: Mapping[str, Any]) -> int:
    name, kind = column["name"], column["type"]
    if kind == "RECORD":
        return _ELEMENTS * sum(_bytes(field) for field in column["fields"])
    if kind in _FIXED:
        return _FIXED[kind]
    ends = next((size for end, size in _BY_ENDING if name.endswith(end)), _TEXT_BYTES)
    return _LENGTH_BYTES + _LONG.get(name, ends)
