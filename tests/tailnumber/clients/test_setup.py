import json
from pathlib import Path

import pytest

from tailnumber.clients.places import Places
from tailnumber.clients.plan import Setup
from tailnumber.clients.setup import (
    key_command,
    noted_setup,
    offered_models,
    options_of,
    shortened,
)
from tailnumber.errors import CommandError

KEY = "tnk_12345678_secretsecret_check0"


def test_key_command_needs_no_path():
    command = key_command("https://gateway.example", None)

    assert Path(command[0]).is_absolute()
    assert command[-3:] == ("key", "--gateway", "https://gateway.example")
    assert key_command("https://g", Path("/d"))[-2:] == ("--data-dir", "/d")


def test_shown_key_is_only_its_id():
    assert shortened(KEY) == "tnk_12345678_…"


def test_models_are_those_of_the_gateway_that_chat(gateway):
    gateway.models = [
        {
            "id": "gpt-5.4",
            "name": "GPT-5.4",
            "supported_endpoints": ["/responses"],
            "capabilities": {
                "type": "chat",
                "limits": {"max_prompt_tokens": 1000, "max_output_tokens": 100},
                "supports": {"tool_calls": False, "vision": True},
            },
        },
        {"id": "text-embedding", "capabilities": {"type": "embeddings"}},
        {"id": "plain"},
        {"name": "no id"},
        "text",
    ]

    first, second = offered_models(gateway.url, KEY, ())

    assert (first.id, first.name, first.endpoints) == ("gpt-5.4", "GPT-5.4", ("/responses",))
    assert (first.input_tokens_max, first.output_tokens_max) == (1000, 100)
    assert (first.has_tools, first.has_vision) == (False, True)
    assert (second.id, second.name, second.has_tools) == ("plain", "plain", True)
    assert gateway.asked[-1].authorization == f"Bearer {KEY}"


def test_wanted_models_come_in_their_order_known_or_not(gateway):
    found = offered_models(gateway.url, KEY, ("mine", "gpt-4.1"))

    assert [(model.id, model.name) for model in found] == [("mine", "mine"), ("gpt-4.1", "GPT-4.1")]


@pytest.mark.parametrize("reply", [(404, {}), (200, {"data": "x"}), (200, {"data": []})])
def test_gateway_without_models_asks_for_names(gateway, reply):
    gateway.instead["/models"] = [reply, reply]

    with pytest.raises(CommandError, match="--model NAME"):
        offered_models(gateway.url, KEY, ())
    assert [model.id for model in offered_models(gateway.url, KEY, ("mine",))] == ["mine"]


def test_gateway_that_is_down_is_no_reason_not_to_offer_what_is_named(gateway):
    gateway.down = True

    assert [model.id for model in offered_models(gateway.url, KEY, ("mine",))] == ["mine"]


def test_set_up_is_noted_without_its_key(gateway):
    places = Places(Path("/h"), Path("/o"), "linux", {})
    models = offered_models(gateway.url, KEY, ())
    setup = Setup(gateway.url, places, ("a b", "key"), KEY, models, "forge", "git.example")

    options = json.loads(json.dumps(options_of(setup)))

    assert KEY not in json.dumps(options)
    assert noted_setup(gateway.url, places, KEY, options) == setup
    assert KEY not in repr(setup)
