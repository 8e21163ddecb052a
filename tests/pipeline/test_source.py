"""Messages are pulled in bounded batches, held while they are worked on, and given up by name."""

import threading
from collections.abc import Iterator
from datetime import UTC

import pytest
from pubsub_servers import Client, Server

from pipeline import source
from pipeline.source import Subscription, _next_count, ensure_topic


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    import signal

    server = Server(tmp_path_factory.mktemp("pubsub") / "messages.sqlite")
    client = Client(server.address)
    yield client
    client.close()
    server.end(signal.SIGTERM)


@pytest.fixture
def places(pubsub: Client) -> tuple[str, str]:
    topic, subscription = pubsub.name("topics"), pubsub.name("subscriptions")
    ensure_topic(pubsub.address, topic, subscription)
    ensure_topic(pubsub.address, topic, subscription)
    return topic, subscription


def test_message_comes_as_it_was_published(pubsub: Client, places: tuple[str, str]) -> None:
    topic, name = places
    (message_id,) = pubsub.publish(topic, b"\x00data")
    subscription = Subscription(name, pubsub.address)

    (delivery,) = subscription.pull()

    assert (delivery.message.data, delivery.message.message_id) == (b"\x00data", message_id)
    assert delivery.message.published_at.tzinfo is UTC
    subscription.close()


def test_acknowledged_message_is_gone_and_one_given_back_comes_again(
    pubsub: Client, places: tuple[str, str]
) -> None:
    topic, name = places
    pubsub.publish(topic, b"a", b"b")
    subscription = Subscription(name, pubsub.address)
    first, second = subscription.pull()

    subscription.acknowledge([first])
    subscription.extend([second], 0)

    assert [d.message.data for d in subscription.pull()] == [second.message.data]
    subscription.close()


def test_empty_subscription_answers_none_after_a_while(
    pubsub: Client, places: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PULL_SECONDS", 0.3)
    subscription = Subscription(places[1], pubsub.address)

    assert subscription.pull() == []
    subscription.close()


def test_lease_is_renewed_while_the_block_runs(
    pubsub: Client, places: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LEASE_SECONDS", 0.03)
    subscription = Subscription(places[1], pubsub.address)
    renewed = threading.Event()
    monkeypatch.setattr(subscription, "extend", lambda *_: renewed.set())

    with subscription.lease([]):
        assert renewed.wait(5)
    subscription.close()


@pytest.mark.parametrize(
    ("count", "sizes", "expected"),
    [
        (100, [], 100),
        (100, [4096] * 100, 200),
        (1000, [4096] * 1000, 1000),
        (1000, [4096, 8 * 1024 * 1024], 4),
        (4, [40 * 1024 * 1024], 1),
        (100, [0], 200),
    ],
)
def test_next_pull_asks_for_what_fits(count: int, sizes: list[int], expected: int) -> None:
    assert _next_count(count, sizes) == expected
