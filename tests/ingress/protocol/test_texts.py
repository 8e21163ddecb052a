"""Texts stand in a document and are replaced there."""

import time

import orjson
import pytest

from ingress.errors import BadPrompt
from ingress.protocol.texts import (
    Channel,
    Completion,
    Nested,
    Prompt,
    Text,
    attached_paths,
    rest_of,
)


def test_a_replaced_text_stands_in_the_document():
    document = {"a": ["x", "y"]}

    Text("user", "text", "a[1]", "y", document["a"], 1).replace("z")

    assert document == {"a": ["x", "z"]}


def test_the_rest_is_everything_but_what_is_known_and_goes_back_in_its_place():
    document = {"known": "x", "tools": [{"d": "secret"}], "n": 1}
    (rest,) = rest_of(document, frozenset({"known"}))

    rest.replace(rest.value.replace("secret", "masked"))

    assert document == {"known": "x", "tools": [{"d": "masked"}], "n": 1}


def test_a_member_whose_name_was_masked_does_not_stay_under_its_old_name():
    document = {"known": 1, "secret": 2}
    (rest,) = rest_of(document, frozenset({"known"}))

    rest.replace(rest.value.replace("secret", "masked"))

    assert document == {"known": 1, "masked": 2}


def test_nothing_left_is_no_text():
    assert rest_of({"known": 1}, frozenset({"known"})) == []


def test_a_mask_that_breaks_the_json_is_refused():
    holder = {"input": {"a": "x"}}
    nested = Nested.of(holder, "input", "user", "input")
    assert orjson.loads(nested.value) == {"a": "x"}

    with pytest.raises(BadPrompt):
        nested.replace('{"a": ')


def test_a_completion_joins_pieces_and_leaves_empty_channels_out():
    completion = Completion()
    for piece in ("a", "", "b"):
        completion.add(Channel(0, "text"), piece)
    completion.add(Channel(1, "text"), "")

    assert completion.whole_texts() == [(Channel(0, "text"), "ab")]


@pytest.mark.parametrize(
    "text", ["<attachment " * 20_000, ('<attachment filePath="x' + ' filePath="x' * 40) * 1000]
)
def test_a_text_of_opened_attachments_costs_no_more_than_its_length(text):
    began = time.perf_counter()

    attached_paths([Text("user", "text", "x", text, {}, "x")])

    # Measured: 2 ms; looked at again from each opening it was 84 s.
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(("count", "known"), [(63, True), (64, False), (100, False)])
def test_files_beyond_those_that_are_named_are_not_known(count, known):
    text = "".join(f'<attachment id="{n}" filePath="a{n}">' for n in range(count))
    paths = attached_paths([Text("user", "text", "x", text, {}, "x")])

    assert Prompt(file_paths=paths).paths_known is known
