"""Turn texts into sealed parts: each text of a session once, named by its id ever after."""

import hashlib
import secrets
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from ingress.exchange import Exchange, Located, Outcome
from ingress.identity.principal import Principal
from ingress.policy.rules import ContentMode, PolicyDecision
from ingress.sealing import Sealer, part_id, quarter_of
from schemas.message import CONTENTS_BYTES_MAX, PART_BYTES_MAX, commitment

# Part ids remembered as recorded; about 10 MB. A forgotten part is recorded again, never lost.
KNOWN_PARTS_MAX: Final = 50_000
# Bytes of a commitment's salt.
_SALT_BYTES: Final = 16
# Kinds of channels that a part's kind tells; every other is text.
_PART_KINDS: Final = {
    "tool_arguments": "tool_arguments",
    "tool_input": "tool_arguments",
    "reasoning": "reasoning",
    "summary": "reasoning",
}


class SpokenText(NamedTuple):
    """A masked text on its way into the record."""

    role: str
    kind: str
    location: str
    text: str


class Subject(NamedTuple):
    """Whose texts these are, and which interaction they belong to."""

    principal_id: str
    quarter: str
    session_id: str
    interaction_id: str


@dataclass(slots=True)
class SealedParts:
    """Parts of one event: all ids in order, the new ones, and their ciphertexts as JSON objects."""

    ids: list[str]
    parts: list[dict[str, Any]]
    contents: list[bytes]
    by_location: dict[str, str]


class PartSealer:
    """Seal the texts of one process's interactions, and remember which are recorded."""

    def __init__(self, sealer: Sealer, part_key: bytes) -> None:
        self._sealer = sealer
        self._part_key = part_key
        self._known: dict[str, None] = {}
        self._retired_count = sealer.retired_count

    def seal(
        self, subject: Subject, texts: Sequence[SpokenText], mode: ContentMode = "sealed"
    ) -> SealedParts:
        """Seal the texts that this session has not recorded yet; name them all.

        By ``mode`` they go in clear beside the record instead, or only their ids remain.

        Raises:
            SealingUnavailable: there is no key to seal with.
        """
        sealed = SealedParts([], [], [], {})
        if self._sealer.retired_count != self._retired_count:
            # An erasure is under way: texts that come again are recorded anew, under new keys.
            self._known.clear()
            self._retired_count = self._sealer.retired_count
        # A session is its principal's: clients choose session ids, and two may choose the same.
        session = f"{subject.principal_id}/{subject.session_id}"
        new: set[str] = set()
        for spoken in texts:
            for piece in _pieces(spoken.text.encode("utf-8", "replace")):
                identifier = part_id(self._part_key, session, piece)
                sealed.ids.append(identifier)
                sealed.by_location.setdefault(spoken.location, identifier)
                if mode == "none" or identifier in self._known or identifier in new:
                    continue
                new.add(identifier)
                if mode == "tagged":
                    _add_in_clear(sealed, identifier, spoken, piece)
                    continue
                name = identifier.encode()
                key_id, ciphertext = self._sealer.seal(
                    subject.principal_id, subject.quarter, name, piece
                )
                sealed.parts.append(
                    {
                        "part_id": identifier,
                        "role": spoken.role,
                        "kind": spoken.kind,
                        "size_bytes": len(piece),
                        "ciphertext_hash": hashlib.sha256(ciphertext).hexdigest(),
                        "key_id": key_id,
                    }
                )
                # All three are plain letters, digits and signs: nothing to escape.
                sealed.contents.append(
                    b'{"part_id":"%b","key_id":"%b","ciphertext":"%b"}'
                    % (name, key_id.encode(), b2a_base64(ciphertext, newline=False))
                )
        return sealed

    def remember(self, identifiers: Iterable[str]) -> None:
        """Note that these parts are durable."""
        known = self._known
        for identifier in identifiers:
            known[identifier] = None
        while len(known) > KNOWN_PARTS_MAX:
            del known[next(iter(known))]


def _add_in_clear(sealed: SealedParts, identifier: str, spoken: SpokenText, piece: bytes) -> None:
    """Add a masked text as it is, and to the record a commitment to it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    sealed.parts.append(
        {
            "part_id": identifier,
            "role": spoken.role,
            "kind": spoken.kind,
            "size_bytes": len(piece),
            "commitment": commitment(salt, piece),
        }
    )
    told = {"part_id": identifier, "text": piece.decode(), "salt": b64encode(salt).decode()}
    sealed.contents.append(orjson.dumps(told))


def content_mode_of(exchange: Exchange) -> ContentMode:
    """Return how the texts of an exchange are kept: as its rule says, else as the policy does."""
    decision, policy = exchange.decision, exchange.policy
    if decision is not None and decision.content is not None:
        return decision.content
    return "sealed" if policy is None else policy.document.content


def principal_of(exchange: Exchange) -> Principal:
    """Return the caller of an exchange that is past its first step."""
    if exchange.principal is None:
        raise AssertionError("an exchange is recorded after its caller is known")
    return exchange.principal


def decision_of(exchange: Exchange) -> PolicyDecision:
    """Return the decision on an exchange that is past its fifth step."""
    if exchange.decision is None:
        raise AssertionError("an interaction is recorded after its decision")
    return exchange.decision


def subject_of(exchange: Exchange) -> Subject:
    """Return whose texts an exchange holds."""
    return Subject(
        principal_of(exchange).principal_id,
        quarter_of(exchange.requested_at),
        exchange.session_id,
        exchange.interaction_id,
    )


def completion_texts(outcome: Outcome) -> list[SpokenText]:
    """Return the masked texts of an answer, channel by channel."""
    return [
        SpokenText("assistant", _PART_KINDS.get(channel.kind, "text"), channel.location, text)
        for channel, text in outcome.completion.whole_texts()
    ]


def prompt_texts(exchange: Exchange) -> list[SpokenText]:
    """Return the masked texts of a prompt, in order."""
    return [
        SpokenText(text.role, text.kind, text.location, text.value)
        for text in exchange.prompt.texts
        if text.value
    ]


def _pieces(text: bytes) -> list[bytes]:
    """Cut a long text into parts that fit a message, never inside a code point."""
    if len(text) <= PART_BYTES_MAX:
        return [text] if text else []
    pieces, start = [], 0
    while start < len(text):
        end = min(start + PART_BYTES_MAX, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(text[start:end])
        start = end
    return pieces


def place_findings(findings: Sequence[Located], sealed: SealedParts) -> None:
    """Tell each finding the part that its text became."""
    for found in findings:
        found.part_id = sealed.by_location.get(found.location)


def joined_contents(contents: Sequence[bytes]) -> bytes:
    """Return the JSON array of contents."""
    return b"[%b]" % b",".join(contents)


def split_contents(contents: list[bytes]) -> tuple[list[bytes], list[list[bytes]]]:
    """Return what fits beside the record, and further batches for messages of their own."""
    batches: list[list[bytes]] = [[]]
    size = 0
    for content in contents:
        length = len(content)
        if batches[-1] and size + length > CONTENTS_BYTES_MAX:
            batches.append([])
            size = 0
        batches[-1].append(content)
        size += length
    return batches[0], batches[1:]
