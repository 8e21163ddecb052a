"""Say what configuring a client comes to: values at places of files, and steps for the person."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailnumber.clients.formats import Path as Place
from tailnumber.clients.places import Places


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the gateway offers; ``endpoints`` are the paths it is asked at."""

    id: str
    name: str
    endpoints: tuple[str, ...] = ("/chat/completions",)
    input_tokens_max: int = 128_000
    output_tokens_max: int = 16_000
    has_tools: bool = True
    has_vision: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What a client's configuration is made of.

    Args:
        key: a gateway key, for clients that cannot ask for one; shortened where it is shown.
        key_command: prints a key that is good now.
        models: those to offer, first the one to begin with.
        connection: the gateway's connection for git.
        git_host: the host whose repositories go through it.
    """

    gateway: str
    places: Places
    key_command: tuple[str, ...]
    key: str = field(default="", repr=False)
    models: tuple[Model, ...] = ()
    connection: str = "github"
    git_host: str = "github.com"


@dataclass(frozen=True, slots=True)
class FileEdit:
    """Values at places of one file; ``format`` is a name of ``FORMATS``.

    Args:
        holds_key: no other account may read the file, whatever its mode was.
    """

    file: Path
    format: str
    values: tuple[tuple[Place, Any], ...]
    holds_key: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, and what is left for the person to do."""

    edits: tuple[FileEdit, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A program that asks an AI.

    Args:
        plan: makes the plan of a set-up; pure.
        holds_key: it keeps the key itself in a file, which a renewal writes again.
        needs_models: it must be told which models there are.
    """

    name: str
    title: str
    plan: Callable[[Setup], Plan]
    holds_key: bool = False
    needs_models: bool = False
