"""Say what the gateway asks of a wire protocol: where its texts stand, in both directions. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Protocol

import orjson

from ingress.errors import IngressError
from ingress.protocol.texts import Channel, Completion, Delta, Prompt, Text

# Longest name or id that a column takes; a longer one is cut.
NAME_MAX: Final = 256
LANGUAGE_MAX: Final = 64
# Largest number of a column. Source: BigQuery, "Data types", INT64.
COUNT_MAX: Final = 2**63 - 1


# Agents name a session by a UUID; any other cache key or user id may be one of a whole application.
_SESSION: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class CallFrames(Protocol):
    """Where the tool calls of one answer stand, and what may stand in their place."""

    def begun(self, document: dict[str, Any]) -> list[Channel]:
        """Return the calls that a stream frame begins or goes on with, or a whole answer holds."""

    def ended(self, document: dict[str, Any], waiting: Iterable[Channel]) -> list[Channel]:
        """Return which of the waiting calls are whole with this frame."""

    def is_ping(self, document: dict[str, Any]) -> bool:
        """Say that a frame only shows life."""

    def note(self, document: dict[str, Any], completion: Completion) -> None:
        """Note names and arguments that stand in no delta."""

    def without(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> list[dict[str, Any]] | None:
        """Return the frames that stand in place of one; None if nothing of it is to change.

        Call it with every frame in order, from the first that a refused call is in.
        """

    def replace(
        self, document: dict[str, Any], refused: Mapping[Channel, str], completion: Completion
    ) -> None:
        """Put the texts in the refused calls' place in a whole answer."""


class WireProtocol(Protocol):
    """What the gateway asks of each protocol; documents are parsed JSON objects."""

    name: ClassVar[str]

    def parse_prompt(self, document: dict[str, Any]) -> Prompt:
        """Return the prompt; its texts stand in ``document`` and are masked there.

        Raises:
            BadPrompt: a member has not the type that the protocol gives it.
        """

    def parse_completion(
        self, document: dict[str, Any], completion: Completion
    ) -> list[tuple[Channel, Text]]:
        """Return the texts of a whole answer and note its model, usage and ends."""

    def parse_delta(self, document: dict[str, Any], completion: Completion) -> list[Delta]:
        """Return the deltas of one stream frame and note what else it says.

        Raises:
            ProtocolError: a member has not the type that the protocol gives it.
        """

    def is_plain(self, document: dict[str, Any]) -> bool:
        """Say that no text stands in this stream frame but its deltas."""

    def ended_choices(self, document: dict[str, Any]) -> set[int]:
        """Return the choices that this stream frame ends: nothing of theirs may be held longer."""

    def repeats(self, document: dict[str, Any]) -> list[Delta]:
        """Return the texts of this stream frame that say again what deltas said before."""

    def calls(self) -> CallFrames | None:
        """Return what knows the tool calls of one answer; None: its answers hold none."""

    def frame_of(self, delta: Delta, document: dict[str, Any], text: str) -> bytes:
        """Return a frame like ``document`` that carries ``text`` alone on the delta's channel."""


def data_frame(document: dict[str, Any], event: bytes = b"") -> bytes:
    """Return a stream frame of a document, under an event name if the protocol gives one."""
    name = b"event: " + event + b"\n" if event else b""
    return name + b"data: " + orjson.dumps(document) + b"\n\n"


def listed(holder: dict[str, Any], key: str, refusal: type[IngressError]) -> list[Any]:
    """Return the list under ``key``; an empty one if nothing stands there.

    Raises:
        IngressError: ``refusal``; something else stands there.
    """
    value = holder.get(key)
    if value is None or isinstance(value, list):
        return value or []
    raise refusal(f"`{key}` is no list")


def string(value: object, most: int = NAME_MAX) -> str | None:
    """Return a name or id, cut to what its column takes; None for anything else."""
    return value[:most] if isinstance(value, str) and value else None


def session_named(value: object) -> str | None:
    """Return the session that a member of a body names, or of the JSON text in it.

    Source: seen from the clients: ``prompt_cache_key`` of Codex and the Copilot CLI is the
    session's UUID; ``metadata.user_id`` of Claude Code is JSON with ``session_id``, once
    ``user_…_session_<UUID>``.
    """
    if not isinstance(value, str):
        return None
    if _SESSION.fullmatch(value):
        return value
    _, told, rest = value.partition("session")
    found = _SESSION.search(rest) if told else None
    return found[0] if found else None


def count(value: object) -> int | None:
    """Return a count of tokens; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_MAX:
        return value
    return None
