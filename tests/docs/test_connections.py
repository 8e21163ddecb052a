"""What docs/connections.md shows is what the gateway reads."""

import re
from pathlib import Path

import pytest

from ingress.policy import connections
from ingress.policy.load import load_policy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "connections.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(connections:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def loaded(example):
    return load_policy(f"version: 1\n{example}rules: []\n", "docs").document.connections


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_of_the_page_is_good(example):
    assert loaded(example)


def test_page_shows_every_kind_and_every_way_to_show_a_credential():
    shown = [each for example in EXAMPLES for each in loaded(example).values()]

    assert {each.kind for each in shown} == set(connections.CONNECTION_KINDS)
    assert {type(each.auth) for each in shown} == set(connections.Auth.__args__)
