"""The demo's texts: chosen by the prompt, always the same."""

import math
import re

import pytest

from tailnumber.stack import demo_answers
from tailnumber.stack.demo_texts import CHAT_ANSWERS, FUNCTION_BODIES


@pytest.mark.parametrize(
    ("prompt", "language_id", "language"),
    [
        ("# Path: src/main.py\nx", "", "python"),
        ("// Path: web/app.tsx\nx", "", "typescript"),
        ("// Path: main.go\nx", "", "go"),
        ("-- Path: q.sql\nx", "", "sql"),
        ("x", "typescriptreact", "typescript"),
        ("SELECT", "", "sql"),
        ("package main\n", "", "go"),
        ("const x = 1", "", "typescript"),
        ("", "", "python"),
    ],
)
def test_language_is_read_from_id_path_or_words(
    prompt: str, language_id: str, language: str
) -> None:
    assert demo_answers.language_of(prompt, language_id) == language


@pytest.mark.parametrize(
    ("prompt", "ghost"),
    [
        ("# Path: a.py\ndef add(x: int, y: int) -> int:\n", "    return x + y\n"),
        ("# Path: a.py\nclass A:\n    def is_valid(self, text):\n", "    if not text:"),
        ("// Path: a.ts\nexport function sum(x: number, y: number) {\n", "  return x + y;\n}\n"),
        ("// Path: a.go\nfunc (s *Store) Add(x int, y int) int {\n", "\treturn x + y\n}\n"),
        ("-- Path: a.sql\nSELECT\n", "  o.customer_id,"),
    ],
)
def test_ghost_text_goes_on_from_the_last_line(prompt: str, ghost: str) -> None:
    first, second = demo_answers.ghost_texts(prompt, "", 2, [])

    assert first.startswith(ghost)
    assert first != second
    assert demo_answers.ghost_texts(prompt, "", 2, []) == [first, second]


def test_every_function_body_takes_its_parameters() -> None:
    for bodies in FUNCTION_BODIES.values():
        for body in (body for choices in bodies.values() for body in choices):
            assert body.format(a="A", b="B")


def test_ghost_text_ends_at_a_stop_word() -> None:
    assert demo_answers.ghost_texts("def add(a, b):", "", 1, ["+"]) == ["    return a "]


def test_deltas_join_to_the_text() -> None:
    for _, text in CHAT_ANSWERS:
        assert "".join(demo_answers.pieces(text)) == text
    assert demo_answers.pieces("") == [""]


@pytest.mark.parametrize("tool", demo_answers.EDIT_TOOLS)
def test_every_edit_tool_gets_the_named_file(tool: str) -> None:
    arguments = demo_answers.edit_arguments(tool, "apply it to src/auth/login.py please")

    assert "src/auth/login.py" in str(arguments)


def test_fabricated_key_has_the_form_that_scanners_look_for() -> None:
    key_id, secret = demo_answers.fabricated_aws_key()

    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", secret)


def test_embedding_is_a_unit_vector() -> None:
    vector = demo_answers.embedding("text")

    assert math.isclose(sum(value * value for value in vector), 1)
