"""What every Pub/Sub server must do: ours, and Google's emulator where the machine has it."""

import queue
import signal
import time
from collections.abc import Iterator

import pytest
from google.api_core.exceptions import AlreadyExists, InvalidArgument, NotFound
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import types
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from pubsub_servers import PROJECT, Client, Server, bodies, start_google_emulator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["tailnumber", "google"])
def client(request, tmp_path_factory) -> Iterator[Client]:
    """A client of each server in turn."""
    if request.param == "tailnumber":
        server = Server(tmp_path_factory.mktemp("pubsub") / "pubsub.db")
        address, stop = server.address, lambda: server.end(signal.SIGTERM)
    else:
        address, stop = start_google_emulator()
    connected = Client(address, is_google=request.param == "google")
    yield connected
    connected.close()
    stop()


@pytest.fixture
def google_differs(request, client):
    """Expect a test to fail on Google's emulator where it departs from Google's documentation."""

    def mark(reason: str) -> None:
        if client.is_google:
            request.applymarker(pytest.mark.xfail(reason=f"the emulator {reason}", strict=True))

    return mark


def test_published_message_is_pulled_with_all_its_parts(client):
    topic = client.topic()
    subscription = client.subscription(topic)

    [message_id] = client.publish(topic, b"hello", key="k", color="red")
    [received] = client.pull_until(subscription, 1)

    message = received.message
    assert (message.data, message.message_id) == (b"hello", message_id)
    assert (message.ordering_key, dict(message.attributes)) == ("k", {"color": "red"})
    assert abs(message.publish_time.timestamp() - time.time()) < 60


def test_message_ids_are_unique_and_rise(client):
    topic = client.topic()
    client.subscription(topic)

    ids = [int(each) for _ in range(3) for each in client.publish(topic, b"a", b"b", b"c")]

    assert ids == sorted(set(ids))


def test_every_subscription_gets_every_message(client):
    topic = client.topic()
    first, second = client.subscription(topic), client.subscription(topic)

    client.publish(topic, b"both")

    received = client.pull_until(first, 1)
    client.acknowledge(first, received)

    assert bodies(received) == [b"both"]
    assert bodies(client.pull_until(second, 1)) == [b"both"]


def test_message_published_before_the_subscription_is_not_delivered(client):
    topic = client.topic()
    client.publish(topic, b"too early")

    subscription = client.subscription(topic)

    assert client.pull(subscription) == []


def test_acknowledged_message_does_not_come_again(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"once", b"twice")
    first, second = sorted(client.pull_until(subscription, 2), key=lambda r: r.message.data)

    client.acknowledge(subscription, [first])
    client.set_deadline(subscription, [second], 0)

    assert bodies(client.pull_until(subscription, 1)) == [b"twice"]
    assert client.pull(subscription) == []


def test_leased_message_is_not_delivered_to_another(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"mine")

    assert len(client.pull_until(subscription, 1)) == 1

    assert client.pull(subscription) == []


def test_message_comes_again_when_its_deadline_passes(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    [message_id] = client.publish(topic, b"again")
    received = client.pull_until(subscription, 1)

    client.set_deadline(subscription, received, 1)

    [again] = client.pull_until(subscription, 1)
    assert again.message.message_id == message_id


def test_extended_deadline_keeps_the_message_away(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"held")
    received = client.pull_until(subscription, 1)
    client.set_deadline(subscription, received, 1)

    client.set_deadline(subscription, received, 30)

    assert client.pull(subscription, wait_seconds=2) == []


def test_pull_waits_for_a_message(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    future = client.channel.unary_unary(
        "/google.pubsub.v1.Subscriber/Pull",
        request_serializer=types.PullRequest.serialize,
        response_deserializer=types.PullResponse.deserialize,
    ).future(types.PullRequest(subscription=subscription, max_messages=1), timeout=10)
    time.sleep(0.3)

    client.publish(topic, b"late")

    assert bodies(future.result().received_messages) == [b"late"]


def test_pull_returns_immediately_when_asked(client):
    subscription = client.subscription(client.topic())
    began = time.monotonic()

    with pytest.warns(DeprecationWarning, match="return_immediately"):
        response = client.subscriber.pull(
            request={
                "subscription": subscription,
                "max_messages": 1,
                "return_immediately": True,
            },
            timeout=10,
        )

    assert not response.received_messages
    assert time.monotonic() - began < 5


def test_pull_gives_no_more_than_asked(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, *[b"x"] * 5)

    assert len(client.pull(subscription, 2)) <= 2


def test_messages_of_a_key_come_in_order(client):
    topic = client.topic()
    subscription = client.subscription(topic, enable_message_ordering=True)
    for number in range(20):
        client.publish(topic, b"%d" % number, key="k")

    got = []
    for _ in range(20):
        received = client.pull(subscription)
        got += [int(body) for body in bodies(received)]
        if received:
            client.acknowledge(subscription, received)
        if len(got) == 20:
            break

    assert got == list(range(20))


def test_nacked_message_of_a_key_comes_again_before_later_ones(client, google_differs):
    google_differs("goes on with the next message of the key")
    topic = client.topic()
    subscription = client.subscription(topic, enable_message_ordering=True)
    client.publish(topic, b"1", b"2", b"3", key="k")
    received = client.pull_until(subscription, 1)

    client.set_deadline(subscription, received, 0)

    assert bodies(client.pull_until(subscription, 1))[0] == b"1"


def test_dead_letter_goes_to_its_topic_with_its_source(client):
    topic, dead = client.topic(), client.topic()
    policy = types.DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5)
    subscription = client.subscription(topic, dead_letter_policy=policy)
    morgue = client.subscription(dead)
    client.publish(topic, b"poison", color="red")

    attempts = []
    for _ in range(5):
        [received] = client.pull_until(subscription, 1)
        attempts.append(received.delivery_attempt)
        client.set_deadline(subscription, [received], 0)
    left = client.pull(subscription)  # the emulator forwards when it is asked for the next
    [letter] = client.pull_until(morgue, 1)

    assert left == []
    attributes = dict(letter.message.attributes)
    assert attempts == [1, 2, 3, 4, 5]
    assert letter.message.data == b"poison"
    assert attributes["color"] == "red"
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == subscription.split("/")[-1]
    assert attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == PROJECT.split("/")[-1]


def test_streaming_pull_delivers_and_acknowledges(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    arrived: queue.Queue = queue.Queue()

    def take(message):
        arrived.put(message.data)
        message.ack()

    streaming = SubscriberClient(transport=SubscriberGrpcTransport(channel=client.channel))
    future = streaming.subscribe(subscription, callback=take)
    sent = {b"%d" % number for number in range(50)}
    client.publish(topic, *sorted(sent))
    got = {arrived.get(timeout=10) for _ in range(50)}
    time.sleep(0.5)  # the client sends acknowledgements in batches
    future.cancel()
    future.result(timeout=10)

    assert got == sent
    assert client.pull(subscription) == []


def test_stream_sends_no_more_than_its_flow_control_allows(client, google_differs):
    google_differs("ignores max_outstanding_messages")
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, *[b"x"] * 10)
    requests: queue.Queue = queue.Queue()
    first = types.StreamingPullRequest(
        subscription=subscription, stream_ack_deadline_seconds=30, max_outstanding_messages=3
    )
    requests.put(first)
    stream = client.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=20)

    received = []
    while len(received) < 3:
        received += next(stream).received_messages
    others = client.pull_until(subscription, 7, seconds=2)
    stream.cancel()
    requests.put(None)

    assert (len(received), len(others)) == (3, 7)


def test_subscription_settings_are_shown_and_changed(client):
    topic = client.topic()
    name = client.subscription(topic, ack_deadline_seconds=20, labels={"a": "b"})

    changed = client.subscriber.update_subscription(
        subscription=types.Subscription(name=name, ack_deadline_seconds=30),
        update_mask={"paths": ["ack_deadline_seconds"]},
    )

    shown = client.subscriber.get_subscription(subscription=name)
    assert (shown.ack_deadline_seconds, dict(shown.labels)) == (30, {"a": "b"})
    assert (changed.topic, shown.topic) == (topic, topic)


def test_topics_and_subscriptions_are_listed(client):
    topic = client.topic()
    subscription = client.subscription(topic)

    topics = [each.name for each in client.publisher.list_topics(project=PROJECT)]
    subscriptions = [e.name for e in client.subscriber.list_subscriptions(project=PROJECT)]
    of_topic = list(client.publisher.list_topic_subscriptions(topic=topic))

    assert topic in topics
    assert subscription in subscriptions
    assert of_topic == [subscription]


def test_long_list_comes_in_pages(client):
    created = {client.topic() for _ in range(5)}

    request = types.ListTopicsRequest(project=PROJECT, page_size=2)
    listed = [each.name for each in client.publisher.list_topics(request=request)]

    assert created <= set(listed)
    assert len(listed) == len(set(listed))


def test_deleted_topic_leaves_its_subscription_and_messages(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"left behind")

    client.publisher.delete_topic(topic=topic)

    shown = client.subscriber.get_subscription(subscription=subscription)
    assert shown.topic == "_deleted-topic_"
    with pytest.raises(NotFound):
        client.publish(topic, b"nowhere")


def test_existing_name_is_refused(client):
    topic = client.topic()
    subscription = client.subscription(topic)

    with pytest.raises(AlreadyExists):
        client.publisher.create_topic(name=topic)
    with pytest.raises(AlreadyExists):
        client.subscriber.create_subscription(name=subscription, topic=topic)


MISSING_TOPIC = f"{PROJECT}/topics/missing"
MISSING_SUBSCRIPTION = f"{PROJECT}/subscriptions/missing"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.publisher.get_topic(topic=MISSING_TOPIC), id="get topic"),
        pytest.param(lambda c: c.publisher.delete_topic(topic=MISSING_TOPIC), id="delete topic"),
        pytest.param(lambda c: c.publish(MISSING_TOPIC, b"x"), id="publish"),
        pytest.param(lambda c: c.subscription(MISSING_TOPIC), id="subscribe"),
        pytest.param(lambda c: c.pull(MISSING_SUBSCRIPTION), id="pull"),
        pytest.param(
            lambda c: c.subscriber.get_subscription(subscription=MISSING_SUBSCRIPTION),
            id="get subscription",
        ),
        pytest.param(
            lambda c: c.subscriber.delete_subscription(subscription=MISSING_SUBSCRIPTION),
            id="delete subscription",
        ),
    ],
)
def test_missing_resource_is_not_found(client, call):
    with pytest.raises(NotFound):
        call(client)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.publisher.create_topic(name="topic"), id="no project"),
        pytest.param(
            lambda c: c.publisher.create_topic(name=f"{PROJECT}/topics/1st"), id="digit first"
        ),
        pytest.param(
            lambda c: c.publisher.create_topic(name=f"{PROJECT}/topics/goog-x"), id="goog first"
        ),
        pytest.param(lambda c: c.publish(c.topic(), b""), id="empty message"),
        pytest.param(lambda c: c.pull(c.subscription(c.topic()), 0), id="pull of none"),
    ],
)
def test_bad_request_is_an_invalid_argument(client, call):
    with pytest.raises(InvalidArgument):
        call(client)


def test_message_over_10_mb_is_an_invalid_argument(client, google_differs):
    google_differs("takes messages over the limit")
    topic = client.topic()

    with pytest.raises(InvalidArgument):
        client.publish(topic, b"x" * 10_000_001)


def test_message_just_under_10_mb_arrives_whole(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    data = b"x" * 9_900_000

    client.publish(topic, data)

    assert bodies(client.pull_until(subscription, 1)) == [data]


def test_deadline_under_10_seconds_is_an_invalid_argument(client, google_differs):
    google_differs("takes any deadline")
    topic = client.topic()

    with pytest.raises(InvalidArgument):
        client.subscription(topic, ack_deadline_seconds=5)
