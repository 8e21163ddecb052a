"""A marked text in every field of every event lands in no column that more people may read."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import examples
import pytest
from audit_messages import clear_part, in_clear, message, part, sealed

from pipeline.decode import Incoming, decode
from pipeline.enrich import enrich
from pipeline.rows import rows
from schemas import access_matrix as access
from schemas.base import Classification, Record, described
from schemas.bigquery import unwrap
from schemas.registry import EVENTS
from schemas.tables import TABLES

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
CANARY = "canary_of_"


def _takes_any_text(info: Any) -> bool:
    """Say whether a field is a text without a pattern or a list of values."""
    told = str(info.annotation) + str(info.metadata)
    element, _, _ = unwrap(info.annotation)
    return element is str and "pattern=" not in told and "Literal" not in told


def _marked(record: type[Record], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example whose free texts each name the class of their field."""
    result = dict(value)
    for name, info in record.model_fields.items():
        if value.get(name) is None:
            continue
        element, _, repeated = unwrap(info.annotation)
        if isinstance(element, type) and issubclass(element, Record):
            inner = value[name]
            result[name] = (
                [_marked(element, each) for each in inner] if repeated else _marked(element, inner)
            )
        elif _takes_any_text(info):
            canary = CANARY + described(info)[1].value
            result[name] = [canary] * len(value[name]) if repeated else canary
    return result


def _readers(cls: Classification) -> set[str]:
    return {role.name for role in access.ROLES.values() if role.may(cls) == "clear"}


def _found(value: Any) -> Iterator[str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else json.dumps(value, default=str)
    for cls in Classification:
        if CANARY + cls.value in text:
            yield cls


@pytest.mark.parametrize("kept", ["sealed", "in clear"])
@pytest.mark.parametrize("example", examples.valid_records(), ids=str)
def test_no_text_reaches_a_column_that_more_roles_may_read(
    example: examples.Example, kept: str
) -> None:
    record = json.loads(example.file.read_bytes())
    marked = _marked(EVENTS[example.event], record)
    contents = []
    if "parts" in record:
        text = CANARY + "content"
        contents, marked["parts"] = [sealed(text.encode())], [part(text.encode())]
        if kept == "in clear":
            contents, marked["parts"] = [in_clear(text)], [clear_part(text.encode(), b"salt")]
    incoming = Incoming(message(marked, *contents), "1", NOW)

    made = list(rows(enrich(decode(incoming), NOW)))

    seen = set()
    for table, row in made:
        classes = dict(access.classes_of(TABLES[table]))
        for name, value in row.items():
            for cls in _found(value):
                seen.add(cls)
                assert _readers(classes[name]) <= _readers(Classification(cls)), (table, name, cls)
    assert not contents or Classification.CONTENT in seen


def test_a_text_in_the_wrong_column_would_be_seen() -> None:
    assert list(_found(CANARY + "identity")) == [Classification.IDENTITY]
    assert not _readers(Classification.PUBLIC) <= _readers(Classification.IDENTITY)
    assert not _readers(Classification.IDENTITY) <= _readers(Classification.NETWORK)
