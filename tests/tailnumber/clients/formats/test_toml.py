import tomllib

import pytest

from tailnumber.clients.formats import MISSING, BrokenFile
from tailnumber.clients.formats.toml import Toml

TOML = Toml()
CONFIG = """\
# mine
model = "gpt-5.4" # the good one

[tui]
notifications = true

[model_providers.other]
name = "Other"
"""
PROVIDER = {"name": "Tailnumber", "auth": {"command": "c", "args": ["a", "b"]}}


def test_values_are_added_and_comments_stay():
    text = TOML.put(CONFIG, ("model_provider",), "tailnumber")
    text = TOML.put(text, ("model_providers", "tailnumber"), PROVIDER)

    document = tomllib.loads(text)
    assert document["model_provider"] == "tailnumber"
    assert document["model_providers"]["tailnumber"] == PROVIDER
    assert document["model_providers"]["other"] == {"name": "Other"}
    assert document["tui"] == {"notifications": True}
    assert '# mine\nmodel = "gpt-5.4" # the good one\n' in text


def test_value_is_read_as_plain_data():
    text = TOML.put("", ("model_providers", "tailnumber"), PROVIDER)

    assert TOML.get(text, ("model_providers", "tailnumber")) == PROVIDER
    assert TOML.get(text, ("model_providers", "nobody")) is MISSING
    assert TOML.get(text, ("model_providers", "tailnumber", "name", "x")) is MISSING


def test_dropped_value_leaves_the_rest():
    text = TOML.put(CONFIG, ("model_providers", "tailnumber"), PROVIDER)

    assert tomllib.loads(TOML.drop(text, ("model_providers", "tailnumber"))) == tomllib.loads(
        CONFIG
    )
    assert TOML.drop(CONFIG, ("a", "b")) == CONFIG


def test_table_that_is_empty_without_the_value_goes_with_it():
    text = TOML.put("a = 1\n", ("model_providers", "tailnumber"), PROVIDER)

    assert tomllib.loads(TOML.drop(text, ("model_providers", "tailnumber"))) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("x", 1), ("a = 1\na = 2\n", 2)],
    ids=["value", "no", "twice"],
)
def test_broken_file_is_refused_with_its_line(text, line):
    with pytest.raises(BrokenFile, match="it is not TOML") as broken:
        TOML.put(text, ("c",), 1)

    assert broken.value.line in {line, 1}


def test_name_that_is_no_table_is_refused():
    with pytest.raises(BrokenFile, match="model_providers is not a table"):
        TOML.put("model_providers = 1\n", ("model_providers", "tailnumber"), PROVIDER)
