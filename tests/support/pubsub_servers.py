"""Pub/Sub servers as processes, and Google's own client connected to them."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

PROJECT = "projects/contract-test"
GOOGLE_EMULATOR = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/bin/cloud-pubsub-emulator"
START_SECONDS = 30


class Server:
    """Our server as a process on one data file."""

    def __init__(self, data_file: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "tailnumber.stack.pubsub", "--data-file", str(data_file)]
        self.process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["address"]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code


class Client:
    """Google's client on a plain channel, with short words for what the tests do."""

    _serial = itertools.count()

    def __init__(self, address: str, *, is_google: bool = False) -> None:
        self.address = address
        self.is_google = is_google
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.max_receive_message_length", -1)]
        )
        self.publisher = PublisherClient(transport=PublisherGrpcTransport(channel=self.channel))
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=self.channel))

    def close(self) -> None:
        self.channel.close()

    def name(self, kind: str) -> str:
        return f"{PROJECT}/{kind}/{kind}-{os.getpid()}-{next(self._serial)}"

    def topic(self) -> str:
        return self.publisher.create_topic(name=self.name("topics")).name

    def subscription(self, topic: str, **settings) -> str:
        request = types.Subscription(name=self.name("subscriptions"), topic=topic, **settings)
        return self.subscriber.create_subscription(request).name

    def publish(self, topic: str, *data: bytes, key: str = "", **attributes: str) -> list[str]:
        messages = [
            types.PubsubMessage(data=each, ordering_key=key, attributes=attributes) for each in data
        ]
        return list(self.publisher.publish(topic=topic, messages=messages).message_ids)

    def pull(self, subscription: str, count: int = 100, *, wait_seconds: float = 0.5) -> list:
        """Pull once; what one server answers with an empty list, the other does with a time-out."""
        try:
            response = self.subscriber.pull(
                subscription=subscription, max_messages=count, timeout=wait_seconds, retry=None
            )
        except DeadlineExceeded:
            return []
        return list(response.received_messages)

    def pull_until(self, subscription: str, count: int, *, seconds: float = 20.0) -> list:
        """Pull until so many deliveries came, or the time is over; nothing is acknowledged."""
        received = []
        until = time.monotonic() + seconds
        while len(received) < count and time.monotonic() < until:
            received += self.pull(subscription, count - len(received), wait_seconds=2)
        return received

    def acknowledge(self, subscription: str, received: list) -> None:
        ack_ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)

    def set_deadline(self, subscription: str, received: list, seconds: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=subscription,
            ack_ids=[each.ack_id for each in received],
            ack_deadline_seconds=seconds,
        )


def bodies(received: list) -> list[bytes]:
    return [each.message.data for each in received]


def start_google_emulator():
    program = (
        os.environ.get("TAILNUMBER_GOOGLE_PUBSUB_EMULATOR")
        or shutil.which("cloud-pubsub-emulator")
        or GOOGLE_EMULATOR
    )
    if not Path(program).exists() or shutil.which("java") is None:
        pytest.skip(
            "NOT CHECKED AGAINST GOOGLE: no cloud-pubsub-emulator with Java on this machine; "
            "set TAILNUMBER_GOOGLE_PUBSUB_EMULATOR to its start script"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, "--host=127.0.0.1", f"--port={port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the script starts Java as a child; both end together
    )
    address = f"127.0.0.1:{port}"
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(timeout=START_SECONDS)

    def stop() -> None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)

    return address, stop
