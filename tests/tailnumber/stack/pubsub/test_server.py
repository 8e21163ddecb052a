"""What our server promises beyond the contract: durability, clear refusals, clean stops."""

import contextlib
import queue
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import grpc
import psutil
import pytest
from google.api_core.exceptions import (
    GoogleAPICallError,
    MethodNotImplemented,
    NotFound,
    ServiceUnavailable,
)
from google.protobuf import duration_pb2
from google.pubsub_v1 import types
from pubsub_servers import PROJECT, bodies

from tailnumber.stack.pubsub import wire

pytestmark = pytest.mark.slow


def test_acknowledged_publishes_survive_kill_9(start, connect):
    server = start()
    client = connect(server.address)
    topic = client.topic()
    subscription = client.subscription(topic)
    confirmed: list[str] = []

    def publish() -> None:
        try:
            while True:
                confirmed.extend(
                    client.publisher.publish(
                        topic=topic,
                        messages=[types.PubsubMessage(data=b"x" * 2000)] * 5,
                        retry=None,
                        timeout=5,
                    ).message_ids
                )
        except GoogleAPICallError:
            return

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    server.end(signal.SIGKILL)
    for thread in threads:
        thread.join()

    again = connect(start().address)
    received = {}
    while batch := again.pull(subscription, 1000):
        received |= {each.message.message_id: each for each in batch}

    assert len(confirmed) > 20
    assert set(confirmed) <= set(received)


def test_unacknowledged_leases_come_again_after_kill_9(start, connect):
    server = start()
    client = connect(server.address)
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"done", b"open")
    received = sorted(client.pull_until(subscription, 2), key=lambda r: r.message.data)
    client.acknowledge(subscription, received[:1])

    server.end(signal.SIGKILL)
    again = connect(start().address)

    assert bodies(again.pull_until(subscription, 1)) == [b"open"]
    assert again.pull(subscription) == []


def test_acknowledgement_id_is_valid_after_a_restart(start, connect):
    server = start()
    client = connect(server.address)
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"x")
    received = client.pull_until(subscription, 1)

    server.end(signal.SIGKILL)
    again = connect(start().address)
    again.acknowledge(subscription, received)

    assert again.pull(subscription) == []


def test_failures_are_still_counted_after_kill_9(start, connect):
    server = start()
    client = connect(server.address)
    topic, dead = client.topic(), client.topic()
    policy = types.DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5)
    subscription = client.subscription(topic, dead_letter_policy=policy)
    client.publish(topic, b"x")
    for _ in range(2):
        client.set_deadline(subscription, client.pull_until(subscription, 1), 0)
    [third] = client.pull_until(subscription, 1)
    time.sleep(0.2)  # counts are written beside the requests

    server.end(signal.SIGKILL)
    [again] = connect(start().address).pull_until(subscription, 1)

    assert (third.delivery_attempt, again.delivery_attempt) == (3, 3)


def test_exhausted_message_stays_while_its_dead_letter_topic_is_gone(client):
    topic, dead = client.topic(), client.topic()
    policy = types.DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5)
    subscription = client.subscription(topic, dead_letter_policy=policy)
    client.publish(topic, b"kept")
    client.publisher.delete_topic(topic=dead)

    for _ in range(5):
        client.set_deadline(subscription, client.pull_until(subscription, 1), 0)

    assert bodies(client.pull_until(subscription, 1)) == [b"kept"]


def test_full_disk_refuses_publishes_and_service_comes_back_with_it(start, connect):
    server = start()
    client = connect(server.address)
    topic = client.topic()
    subscription = client.subscription(topic)
    message = types.PubsubMessage(data=b"x" * 500_000)
    process = psutil.Process(server.process.pid)
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)

    process.rlimit(psutil.RLIMIT_FSIZE, (200_000, hard))
    with pytest.raises(ServiceUnavailable):
        client.publisher.publish(topic=topic, messages=[message], retry=None)
    process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
    client.publish(topic, b"after")

    assert bodies(client.pull_until(subscription, 1)) == [b"after"]


def test_message_leaves_the_file_when_all_subscriptions_acknowledged(start, connect, tmp_path):
    client = connect(start("p.db").address)
    topic = client.topic()
    first, second = client.subscription(topic), client.subscription(topic)
    third = client.subscription(topic)
    client.publish(topic, b"a", b"b")

    def stored() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "p.db")) as reader:
            return reader.execute("SELECT count(*) FROM messages").fetchone()[0]

    client.acknowledge(first, client.pull_until(first, 2))
    client.subscriber.delete_subscription(subscription=third)
    kept = stored()
    client.acknowledge(second, client.pull_until(second, 2))

    assert (kept, stored()) == (2, 0)


def test_message_ids_rise_across_restarts(start, connect):
    server = start()
    client = connect(server.address)
    topic = client.topic()  # no subscription: the messages themselves are dropped
    before = client.publish(topic, b"a", b"b")

    server.end(signal.SIGTERM)
    after = connect(start().address).publish(topic, b"c")

    assert [int(i) for i in before + after] == sorted({int(i) for i in before + after})


def test_all_messages_of_a_pull_for_one_key_are_held_from_others(client):
    topic = client.topic()
    subscription = client.subscription(topic, enable_message_ordering=True)
    client.publish(topic, b"1", b"2", b"3", key="k")
    client.publish(topic, b"other", key="l")

    first = client.pull(subscription, 2)
    second = client.pull(subscription, 10)

    assert (bodies(first), bodies(second)) == ([b"1", b"2"], [b"other"])
    client.acknowledge(subscription, first)
    assert bodies(client.pull(subscription)) == [b"3"]


def test_response_fits_a_client_with_grpc_defaults(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, *[b"x" * 1_000_000] * 6)

    with grpc.insecure_channel(client.address) as channel:
        pull = channel.unary_unary(
            "/google.pubsub.v1.Subscriber/Pull",
            request_serializer=types.PullRequest.serialize,
            response_deserializer=wire.PullResponse.FromString,
        )
        response = pull(types.PullRequest(subscription=subscription, max_messages=100))

    assert len(response.received_messages) == 3


def test_open_stream_ends_when_its_subscription_is_deleted(client):
    subscription = client.subscription(client.topic())
    requests: queue.Queue = queue.Queue()
    requests.put(
        types.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=10)
    )
    stream = client.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=10)

    client.subscriber.delete_subscription(subscription=subscription)

    with pytest.raises(NotFound):
        next(stream)
    requests.put(None)


def test_changed_settings_take_effect_on_waiting_messages(client):
    topic = client.topic()
    subscription = client.subscription(topic)
    client.publish(topic, b"1", b"2", key="k")

    client.subscriber.update_subscription(
        subscription=types.Subscription(name=subscription, enable_message_ordering=True),
        update_mask={"paths": ["enable_message_ordering"]},
    )

    assert bodies(client.pull(subscription, 1)) == [b"1"]
    assert client.pull(subscription) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"filter": 'attributes.color = "red"'},
        {"enable_exactly_once_delivery": True},
        {"push_config": types.PushConfig(push_endpoint="http://127.0.0.1/")},
        {"retry_policy": types.RetryPolicy(minimum_backoff=duration_pb2.Duration(seconds=1))},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_setting_that_would_be_ignored_is_refused(client, settings):
    topic = client.topic()

    with pytest.raises(MethodNotImplemented):
        client.subscription(topic, **settings)


def test_unknown_method_is_unimplemented(client):
    with pytest.raises(MethodNotImplemented):
        client.subscriber.create_snapshot(
            name=f"{PROJECT}/snapshots/s", subscription=f"{PROJECT}/subscriptions/missing"
        )


@pytest.mark.parametrize("ack_id", ["x", "1:2", "1:2:-3", f"1:{10**30}:3"])
def test_malformed_acknowledgement_id_is_refused(client, ack_id):
    subscription = client.subscription(client.topic())

    with pytest.raises(GoogleAPICallError, match="malformed"):
        client.subscriber.acknowledge(subscription=subscription, ack_ids=[ack_id])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_signal_stops_the_server_within_2_seconds_with_a_stream_open(start, connect, number):
    server = start()
    client = connect(server.address)
    subscription = client.subscription(client.topic())
    requests: queue.Queue = queue.Queue()
    requests.put(
        types.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=10)
    )
    client.subscriber.streaming_pull(requests=iter(requests.get, None), timeout=10)
    time.sleep(0.2)
    began = time.monotonic()

    code = server.end(number)

    requests.put(None)
    assert code == 0
    assert time.monotonic() - began < 2


def run_to_end(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tailnumber.stack.pubsub", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_port_in_use_is_said_in_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_to_end("--data-file", str(tmp_path / "p.db"), "--port", str(port))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"Port {port} on 127.0.0.1 is in use; choose another with --port.\n"


def test_second_server_on_a_data_file_is_refused(start, tmp_path):
    start("p.db")

    ended = run_to_end("--data-file", str(tmp_path / "p.db"))

    assert ended.returncode == 2
    assert ended.stderr.startswith("Another Pub/Sub server uses the data file")


def test_data_file_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")

    ended = run_to_end("--data-file", str(tmp_path / "file" / "p.db"))

    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr


def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("not a database, but long enough to be looked at as one" * 100)
    before = other.read_bytes()

    ended = run_to_end("--data-file", str(other))

    assert ended.returncode == 2
    assert "cannot be used" in ended.stderr
    assert other.read_bytes() == before


@pytest.mark.slow
def test_named_topic_and_subscription_are_there_when_it_serves_and_stay(start, connect):
    topic, subscription = "projects/p/topics/events", "projects/p/subscriptions/loader"
    for _ in range(2):
        server = start("p.db", "--topic", f"{topic}={subscription}")
        client = connect(server.address)
        client.publisher.publish(topic=topic, messages=[{"data": b"x"}], timeout=5)
        found = client.subscriber.get_subscription(subscription=subscription, timeout=5)
        assert found.topic == topic
        assert server.end(signal.SIGTERM) == 0


@pytest.mark.slow
def test_name_that_is_none_of_a_topic_is_refused(tmp_path):
    for pair, said in (("events=loader", "/topics/{id}"), ("events", "projects/P/topics/T=")):
        ended = run_to_end("--data-file", str(tmp_path / "p.db"), "--topic", pair)

        assert ended.returncode == 2
        assert said in ended.stderr
