"""Who may read reads, each reading is recorded, and the warehouse's files hold no text."""

import json
import urllib.request
from base64 import b64decode

import pytest
from tink import aead, proto_keyset_format, secret_key_access

from ingress.secrets import TenantSecrets

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(180)]

CANARY = "quetzalcoatlus invoices never add up"
PARTS = (
    "SELECT part_id, key_id, ciphertext, session_id FROM content.parts "
    "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) "
    "AND session_id = 'read-by-an-auditor' ORDER BY part_id"
)
VIEWS = (
    "SELECT command, reason, principal_subject, viewed_session_ids FROM audit.record_views "
    "WHERE occurred_at > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) "
    "AND reason = 'incident 4711' ORDER BY command"
)


@pytest.fixture(scope="module")
def recorded(stack):
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": CANARY}]}
    headers = {
        "Authorization": f"Bearer {stack.key}",
        "Content-Type": "application/json",
        "X-Session-Id": "read-by-an-auditor",
    }
    request = urllib.request.Request(
        f"{stack.gateway}/v1/chat/completions", json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()
    assert len(stack.query_until(PARTS, 2)) >= 2
    return stack


def test_search_and_reveal_open_texts_and_are_recorded(recorded):
    found = recorded.run("search", CANARY.upper(), "--reason", "incident 4711")
    revealed = recorded.run("query", PARTS, "--reveal", "--reason", "incident 4711")["rows"]
    recorded.run("replay", "read-by-an-auditor", "--reason", "incident 4711")

    assert [hit["text"] for hit in found["hits"]] == [CANARY]
    assert CANARY in [row["text"] for row in revealed]
    assert not any("ciphertext" in row for row in revealed)
    views = recorded.query_until(VIEWS, 3)
    assert [view["command"] for view in views] == ["query", "replay", "search"]
    assert all(view["viewed_session_ids"] == ["read-by-an-auditor"] for view in views)
    assert all(view["principal_subject"] for view in views)


def test_no_reason_no_text(recorded):
    with pytest.raises(RuntimeError, match="--reason") as refusal:
        recorded.run("search", CANARY)

    assert "exit 2" in str(refusal.value)


def test_the_published_key_opens_the_warehouse_s_ciphertext(recorded):
    keys = recorded.query_until(
        "SELECT key_id, TO_BASE64(wrapped_keyset) AS wrapped FROM keys.subject_keys "
        "WHERE occurred_at > TIMESTAMP '2020-01-01 00:00:00+00'",
        1,
    )
    parts = recorded.query(PARTS.replace("ciphertext,", "TO_BASE64(ciphertext) AS ciphertext,"))
    kek = TenantSecrets.load_or_create(recorded.data_dir / "secrets").kek
    (wrapped,) = [b64decode(k["wrapped"]) for k in keys if k["key_id"] == parts[0]["key_id"]]

    handle = proto_keyset_format.parse(kek.decrypt(wrapped, b""), secret_key_access.TOKEN)
    primitive = handle.primitive(aead.Aead)
    texts = [primitive.decrypt(b64decode(p["ciphertext"]), p["part_id"].encode()) for p in parts]

    assert CANARY.encode() in texts


def test_the_files_of_warehouse_journal_and_queue_hold_no_text(recorded):
    words = CANARY.encode()
    scanned = 0
    for path in recorded.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert words not in path.read_bytes(), path
            scanned += path.stat().st_size

    assert scanned > 1_000_000
