"""Event messages as the ingress publishes them: chained records with sealed texts."""

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from examples import DIRECTORY

from schemas.message import commitment

PART_ID = "a" * 26


def example(name: str) -> dict[str, Any]:
    return json.loads((DIRECTORY / name).read_bytes())


def sealed(text: bytes, part_id: str = PART_ID, key_id: str = "k1") -> dict[str, str]:
    return {
        "part_id": part_id,
        "key_id": key_id,
        "ciphertext": base64.b64encode(text).decode(),
    }


def part(text: bytes, part_id: str = PART_ID) -> dict[str, Any]:
    return {
        "part_id": part_id,
        "role": "user",
        "kind": "text",
        "size_bytes": len(text),
        "ciphertext_hash": hashlib.sha256(text).hexdigest(),
        "key_id": "k1",
    }


def clear_part(text: bytes, salt: bytes) -> dict[str, Any]:
    named = {
        name: value
        for name, value in part(text).items()
        if name not in {"ciphertext_hash", "key_id"}
    }
    return {**named, "commitment": commitment(salt, text)}


def in_clear(text: str, salt: bytes = b"salt") -> dict[str, str]:
    return {"part_id": PART_ID, "text": text, "salt": base64.b64encode(salt).decode()}


def message(record: dict[str, Any] | bytes, *contents: dict[str, str]) -> bytes:
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    digest = hashlib.sha256(data).hexdigest().encode()
    rest = json.dumps(list(contents)).encode()
    return b'{"record":' + data + b',"record_hash":"' + digest + b'","contents":' + rest + b"}"


def overflow(record: dict[str, Any], *contents: dict[str, str]) -> bytes:
    names = ("event_id", "occurred_at", "tenant_id", "session_id", "interaction_id")
    ids = {name: record[name] for name in names}
    ids["principal_id"] = record["principal"]["principal_id"]
    return json.dumps({"overflow": ids, "contents": list(contents)}).encode()


def content_key(wrapped: bytes, **fields: Any) -> bytes:
    names = ("event_id", "occurred_at", "tenant_id", "quarter", "wrapped_keyset_hash")
    record = example("content_key.created.1.one_machine.pass.json")
    key = {
        **{name: record[name] for name in names},
        "key_id": record["content_key_id"],
        "principal_id": record["holder_principal_id"],
        "wrapped_keyset": base64.b64encode(wrapped).decode(),
        "wrapped_keyset_hash": hashlib.sha256(wrapped).hexdigest(),
        **fields,
    }
    return json.dumps({"key": key}, separators=(",", ":")).encode()


class Writer:
    """One writer's chain of interactions."""

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self.sequence = 0
        self.previous_hash = "0" * 64
        self._template = example("interaction.requested.1.chat.pass.json")

    def record(self, text: bytes = b"sealed", **fields: Any) -> dict[str, Any]:
        record = {
            **self._template,
            "event_id": str(uuid.uuid4()),
            "interaction_id": str(uuid.uuid4()),
            "writer_id": self.id,
            "sequence": self.sequence,
            "previous_hash": self.previous_hash,
            "parts": [part(text)],
            "prompt_part_ids": [PART_ID],
            **fields,
        }
        self.sequence += 1
        self.previous_hash = hashlib.sha256(json.dumps(record).encode()).hexdigest()
        return record

    def messages(self, count: int, text: bytes = b"sealed") -> Iterator[bytes]:
        for _ in range(count):
            yield message(self.record(text), sealed(text))
