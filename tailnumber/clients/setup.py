"""Gather what a client's configuration is made of: key command, key, models."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tailnumber.clients.places import Places
from tailnumber.clients.plan import Model, Setup
from tailnumber.errors import CommandError, SignInFailed


def key_command(gateway: str, data_dir: Path | None) -> tuple[str, ...]:
    """Return the command that prints a key; absolute, as programs with a window have no PATH."""
    beside = Path(sys.executable).with_name("tailnumber")
    program = str(beside) if beside.exists() else shutil.which("tailnumber")
    start = (program,) if program else (sys.executable, "-m", "tailnumber")
    elsewhere = ("--data-dir", str(data_dir.absolute())) if data_dir is not None else ()
    return (*start, "key", "--gateway", gateway, *elsewhere)


def shortened(key: str) -> str:
    """Return a key as it may be shown: its id, without the secret."""
    return "_".join(key.split("_")[:2]) + "_…"


def offered_models(gateway: str, key: str, wanted: tuple[str, ...]) -> tuple[Model, ...]:
    """Return the chat models that a gateway offers, or those that are wanted, in that order.

    Raises:
        CommandError: the gateway names none, and none is wanted.
    """
    found = {model.id: model for model in _listed(gateway, key)}
    if wanted:
        return tuple(found.get(name, Model(name, name)) for name in wanted)
    if not found:
        raise CommandError(
            f"{gateway} names no models for this key; name those to offer: --model NAME"
        )
    return tuple(found.values())


def options_of(setup: Setup) -> dict[str, Any]:
    """Return what a renewal needs to make the set-up again, without the key."""
    return {
        "key_command": shlex.join(setup.key_command),
        "models": [asdict(model) for model in setup.models],
        "connection": setup.connection,
        "git_host": setup.git_host,
    }


def noted_setup(gateway: str, places: Places, key: str, options: Mapping[str, Any]) -> Setup:
    """Return the set-up that ``options_of`` noted, with another key."""
    return Setup(
        gateway=gateway,
        places=places,
        key_command=tuple(shlex.split(options["key_command"])),
        key=key,
        models=tuple(
            Model(**{**each, "endpoints": tuple(each["endpoints"])}) for each in options["models"]
        ),
        connection=options["connection"],
        git_host=options["git_host"],
    )


def _listed(gateway: str, key: str) -> list[Model]:
    from tailnumber.login.wire import Wire

    try:
        with Wire() as wire:
            answer = wire.get(f"{gateway}/models", key)
    except SignInFailed:
        return []
    entries = answer.members.get("data")
    found = map(_model, entries if answer.ok and isinstance(entries, list) else [])
    return [model for model in found if model is not None]


def _model(entry: Any) -> Model | None:
    """Return one model of the list, which OpenAI's lists say little about; None: not for chat."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return None
    capabilities = _dict(entry.get("capabilities"))
    if capabilities.get("type", "chat") != "chat":
        return None
    limits, supports = _dict(capabilities.get("limits")), _dict(capabilities.get("supports"))
    endpoints = entry.get("supported_endpoints")
    default = Model(entry["id"], entry["id"])
    return Model(
        id=entry["id"],
        name=entry["name"] if isinstance(entry.get("name"), str) else entry["id"],
        endpoints=tuple(map(str, endpoints)) if isinstance(endpoints, list) else default.endpoints,
        input_tokens_max=_count(limits.get("max_prompt_tokens"), default.input_tokens_max),
        output_tokens_max=_count(limits.get("max_output_tokens"), default.output_tokens_max),
        has_tools=bool(supports.get("tool_calls", True)),
        has_vision=bool(supports.get("vision", False)),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and value > 0 else default
