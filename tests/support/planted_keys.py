"""Plant what administrators do in a month, and what breaks: see ``planted.py``."""

from typing import Any

from month import Month, Person, at, text, token, uuid_of


def plant_keys(month: Month) -> None:
    _keys(month)
    _administration(month)
    _lives(month)


def _key(month: Month, key_id: str, by: Person, holder: Person, **more: Any) -> None:
    month.event(
        more.pop("event_type", "key.issued"), more.pop("when", at(2)), principal=by.principal,
        gateway_key_id=key_id, key_class="header", holder=holder.principal,
        expires_at=more.pop("expires_at", "2027-01-01T00:00:00Z"), **more,
    )  # fmt: skip


def _keys(month: Month) -> None:
    """Keys that are used, never used, revoked, over, of a machine, and one shown in a URL."""
    people = month.people
    _key(month, people[120].key_id, people[120], people[120])
    _key(month, "gk_spare", people[121], people[121], device_name="old laptop")
    _key(month, "gk_back", people[122], people[122])
    _key(month, "gk_back", people[122], people[122], event_type="key.revoked", when=at(3))
    _key(month, "gk_over", people[123], people[123], expires_at="2026-10-20T00:00:00Z")
    _key(month, "gk_robot", people[124], Person(1, "service"))
    month.event(
        "access.denied", at(13, 9), reason_code="key_in_url", method="GET", path="/models",
        http_status=401, unverified_key_id=people[123].key_id,
        client={"name": "curl", "address": "10.0.0.124"},
    )  # fmt: skip


def _administration(month: Month) -> None:
    """Two holds, of which one is released; an erasure, one refused; two readings of texts."""
    officer, people = month.people[130], month.people
    for name in ("matter-1", "matter-2"):
        hold = {
            "hold_id": uuid_of("hold", name), "hold_name": name, "reason": f"letter in {name}",
            "placed_at": text(at(6)), "held_principal_ids": [people[131].id],
        }  # fmt: skip
        month.event("legal_hold.placed", at(6), principal=officer.principal, **hold)
        if name == "matter-2":
            month.event("legal_hold.released", at(8), principal=officer.principal, **hold)
    asked = {"reason": "request of 2 October", "requested_at": text(at(2))}
    month.event(
        "content.erased", at(12), principal=officer.principal, holder=people[132].principal,
        erasure_id=uuid_of("erasure", 1), content_key_ids=["k-2026Q3", "k-2026Q4"], **asked,
    )  # fmt: skip
    month.event(
        "erasure.refused", at(12, 11), principal=officer.principal, holder=people[131].principal,
        erasure_id=uuid_of("erasure", 2), refusal_code="refused_hold",
        hold_ids=[uuid_of("hold", "matter-1")], **asked,
    )  # fmt: skip
    for reader, whose, reason in ((130, 131, "matter-1"), (133, 133, "my own session")):
        month.event(
            "record.viewed", at(13, 12, reader - 130), principal=people[reader].principal,
            command="replay", reason=reason, viewed_session_ids=["s-1"],
            viewed_part_ids=[token("kept")], viewed_principal_ids=[people[whose].id],
        )  # fmt: skip


def _lives(month: Month) -> None:
    """A writer that stopped, one that its successor closed, a forged record, a dead letter."""
    for number, reason in ((2, "stopped"), (3, "interrupted")):
        writer = uuid_of("writer", number)
        month.event(
            "writer.opened", at(4, 8), writer=writer, policy_digest="a" * 64, host="gateway-2",
            process_id=number, software_version="0.1.0",
        )  # fmt: skip
        month.event(
            "writer.closed", at(4, 9), writer=writer if reason == "stopped" else month.writers[0],
            closed_writer_id=writer, reason=reason, last_sequence=0, last_record_hash="d" * 64,
        )  # fmt: skip
    for sequence, previous in ((0, "0" * 64), (1, "e" * 64)):
        month.more_rows["audit.events_v1"].append(
            {
                "event_id": uuid_of("forged", sequence), "event_type": "key.revoked",
                "event_version": 1, "occurred_at": at(17, 3, sequence), "tenant_id": "acme",
                "writer_id": uuid_of("writer", 9), "sequence": sequence,
                "previous_hash": previous, "record_hash": "f" * 64, "assurance": "strict",
                "record": "{}", "published_at": at(17, 3, sequence),
                "loaded_at": at(17, 3, sequence),
            }
        )  # fmt: skip
    month.more_rows["audit.dead_letters_v1"].append(
        {
            "dead_letter_id": "9" * 64, "published_at": at(18), "refused_at": at(18),
            "stage": "verify", "reason_code": "hash_mismatch", "reason": "the hash differs",
            "message_id": "77", "message_bytes": 900, "message_hash": "8" * 64,
            "event_type": "interaction.requested", "writer_id": month.writers[0],
            "kept_in": "dead-letters/77",
        }
    )  # fmt: skip
