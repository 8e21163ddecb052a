"""Build streams as the providers send them, and read what came out of the masker."""

from functools import cache
from typing import Any

import orjson

from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import load_rules
from ingress.protocol.stream import CompletionStream

RULES = """
[[rules]]
id = "aws-access-key-id"
regex = '''\\b(AKIA[A-Z2-7]{16})\\b'''
keywords = ["AKIA"]
"""
# Assembled, so that no scanner takes this file for a leak.
SECRET = "AKIA" + "Q3EGRIZZ" + "Z7QKZ5PL"


@cache
def masker() -> Masker:
    """Return a masker that knows one kind of secret."""
    return Masker(Detector(load_rules(RULES, "tests")), b"k" * 32)


def frame(document: dict[str, Any], *, named: bool = True) -> bytes:
    """Return a document as one event."""
    name = b"event: " + document["type"].encode() + b"\n" if named else b""
    return name + b"data: " + orjson.dumps(document) + b"\n\n"


def pieces(text: str, size: int) -> list[str]:
    """Cut a text into deltas."""
    return [text[i : i + size] for i in range(0, len(text), size)]


def masked_stream(protocol: Any, stream: list[bytes]) -> tuple[bytes, CompletionStream]:
    """Return what a masked stream releases, and the stream itself."""
    passing = CompletionStream(
        protocol, lambda _: masker().stream(), lambda text, _: masker().mask(text)[0]
    )
    released = b"".join(passing.feed(piece) for piece in stream) + passing.finish()
    return released, passing


def documents(stream: bytes) -> list[dict[str, Any]]:
    """Return the documents of a stream's events."""
    lines = (line for line in stream.split(b"\n") if line.startswith(b"data: {"))
    return [orjson.loads(line[6:]) for line in lines]
