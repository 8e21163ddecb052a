"""Check that the topic's schema takes every message that a gateway publishes, as protoc reads it."""

import re
from pathlib import Path
from typing import Annotated

import pytest
from audit_messages import PART_ID, content_key, example, in_clear, message, overflow, sealed
from examples import messages, records, valid_records
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message
from grpc_tools import protoc  # type: ignore[import-untyped]  # ships no types

from schemas import protobuf
from schemas.base import ContractError, Record, public


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> type[Message]:
    """Return the class that protoc makes of the rendered definition."""
    folder = tmp_path_factory.mktemp("proto")
    (folder / "audit_events.proto").write_text(protobuf.render_messages())
    arguments = ["protoc", f"-I{folder}", f"-o{folder}/set", "audit_events.proto"]
    assert protoc.main(arguments) == 0
    files = descriptor_pb2.FileDescriptorSet.FromString((folder / "set").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)  # type: ignore[no-untyped-call]  # unannotated upstream
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Message"))


@pytest.mark.parametrize("file", messages("pass"), ids=lambda file: file.name)
def test_every_example_of_a_message_is_taken(form: type[Message], file: Path) -> None:
    json_format.Parse(file.read_bytes(), form())


def test_every_example_of_an_event_is_taken(form: type[Message]) -> None:
    for valid in valid_records():
        json_format.Parse(message(valid.file.read_bytes(), sealed(b"text")), form())


def test_texts_in_clear_overflow_and_keys_are_taken(form: type[Message]) -> None:
    event = example("interaction.completed.1.tool_call.pass.json")

    for data in (
        message(event, in_clear("masked")),
        overflow(event, sealed(b"text", PART_ID)),
        content_key(b"wrapped"),
    ):
        json_format.Parse(data, form())


def test_an_unknown_field_is_refused_so_the_schema_says_something(form: type[Message]) -> None:
    unknown = [
        wrong for wrong in records() if not wrong.passes and wrong.case.startswith("unknown.")
    ]
    assert unknown

    refused = 0
    for wrong in unknown:
        try:
            json_format.Parse(message(wrong.file.read_bytes()), form())
        except json_format.ParseError:
            refused += 1
    # What one event must not have, another may: the form is of all events together.
    assert refused >= len(unknown) - 2


def test_no_field_ever_moves_when_another_is_added() -> None:
    numbers = dict(re.findall(r"(\w+) = (\d+);", protobuf.render_messages()))

    assert numbers["record_hash"] == "312194718"
    assert numbers["event_id"] == str(protobuf._number("event_id"))
    assert not any(19_000 <= int(number) <= 19_999 for number in numbers.values())


def test_there_is_one_type_at_the_top_and_no_import() -> None:
    text = protobuf.render_messages()

    assert re.findall(r"^message (\w+)", text, re.MULTILINE) == ["Message"]
    assert "import" not in re.sub(r"//.*", "", text)


class _Number(Record):
    value: Annotated[int, public("a number")]


class _Text(Record):
    value: Annotated[str, public("a text")]


def test_two_events_that_disagree_on_a_field_are_not_rendered() -> None:
    with pytest.raises(ContractError, match="value is int64 and string"):
        protobuf._merged("Record", (_Number, _Text), {})
