"""Batches are acknowledged after their rows are durable, never before; trouble is waited out."""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core import exceptions

from pipeline import driver
from pipeline.decode import Incoming
from pipeline.driver import Driver
from pipeline.errors import WarehouseError
from pipeline.source import Delivery


def _delivery(n: int) -> Delivery:
    message = Incoming(b"canary", str(n), datetime(2026, 11, 20, tzinfo=UTC))
    return Delivery(f"ack-{n}", message)


class FakeSubscription:
    """Delivers batches, then stops the driver; records what is done, in order."""

    def __init__(self, *batches: Any) -> None:
        self.batches = list(batches)
        self.stop = threading.Event()
        self.actions: list[Any] = []
        self.failures: dict[str, Exception] = {}

    def pull(self) -> list[Delivery]:
        if not self.batches:
            self.stop.set()
            return []
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return list(batch)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self.actions.append(("acknowledge", [d.message.message_id for d in deliveries]))
        if error := self.failures.pop("acknowledge", None):
            raise error

    def extend(self, deliveries: Sequence[Delivery], seconds: int) -> None:
        self.actions.append(("extend", seconds))

    @contextlib.contextmanager
    def lease(self, deliveries: Sequence[Delivery]) -> Iterator[None]:
        self.actions.append("lease")
        yield
        self.actions.append("release")

    def load(self, messages: Sequence[Incoming]) -> dict[str, int]:
        self.actions.append(("load", [m.message_id for m in messages]))
        if error := self.failures.pop("load", None):
            raise error
        return {}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BACKOFF_FIRST_SECONDS", 0.001)


def _run(fake: FakeSubscription) -> list[Any]:
    Driver(fake, fake.load, fake.stop).run()  # type: ignore[arg-type]
    return fake.actions


def test_rows_are_durable_before_the_message_is_acknowledged() -> None:
    fake = FakeSubscription([_delivery(1), _delivery(2)])

    actions = _run(fake)

    assert actions == ["lease", ("load", ["1", "2"]), ("acknowledge", ["1", "2"]), "release"]


def test_batch_that_fails_is_held_and_tried_again() -> None:
    fake = FakeSubscription([_delivery(1)], [_delivery(2)])
    fake.failures["load"] = RuntimeError("down")

    actions = _run(fake)

    assert [a for a in actions if a[0] in ("load", "acknowledge")] == [
        ("load", ["1"]),
        ("load", ["1"]),
        ("acknowledge", ["1"]),
        ("load", ["2"]),
        ("acknowledge", ["2"]),
    ]


def test_batch_in_hand_is_given_back_on_stop() -> None:
    fake = FakeSubscription([_delivery(1)])

    def load(messages: Sequence[Incoming]) -> None:
        fake.stop.set()
        raise RuntimeError("down")

    Driver(fake, load, fake.stop).run()  # type: ignore[arg-type]

    assert fake.actions == ["lease", ("extend", 0), "release"]


def test_lost_acknowledgement_does_not_stop_the_driver() -> None:
    fake = FakeSubscription([_delivery(1)], [_delivery(2)])
    fake.failures["acknowledge"] = exceptions.ServiceUnavailable("gone")

    assert ("acknowledge", ["2"]) in _run(fake)


def test_pubsub_that_is_away_is_waited_for() -> None:
    fake = FakeSubscription(exceptions.ServiceUnavailable("gone"), [_delivery(1)])

    assert ("acknowledge", ["1"]) in _run(fake)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (WarehouseError("BigQuery is away [while running 'LoadRows']"), "BigQuery is away"),
        (RuntimeError("canary"), "RuntimeError"),
    ],
)
def test_log_says_what_failed_and_no_content(
    caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    fake = FakeSubscription([_delivery(1)])
    fake.failures["load"] = error

    with caplog.at_level(logging.INFO, logger="pipeline"):
        _run(fake)

    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert lines[0] == {"event": "batch_failed", "message_count": 1, "error": words}
    assert lines[1]["event"] == "batch_loaded"
    assert "canary" not in caplog.text


def test_pauses_grow_to_a_limit() -> None:
    pauses = driver._pauses()
    first = [next(pauses) for _ in range(30)]

    assert max(first) <= driver.BACKOFF_MAX_SECONDS
    assert first[-1] >= driver.BACKOFF_MAX_SECONDS / 2
