"""The transport against a real gRPC server: what is sent, and what each status becomes."""

from __future__ import annotations

import threading
from concurrent import futures

import grpc
import pytest
from google.pubsub_v1.types import PublishRequest, PublishResponse

from ingress.errors import PublishRejected, PublishUnavailable
from ingress.recording.publisher import Message
from ingress.recording.pubsub import PubSubTransport
from ingress.recording.segment import Position

TOPIC = "projects/p/topics/audit-events"
MESSAGES = [
    Message("w1", "event", b'{"record":{}}', Position(1, 10)),
    Message("w1", "content", b"\x00\xff", Position(1, 20)),
]


class Broker:
    """One Publish method that keeps requests and answers with a chosen status."""

    def __init__(self) -> None:
        self.requests: list[PublishRequest] = []
        self.metadata: list[dict] = []
        self.status: grpc.StatusCode | None = None
        self.acknowledge = 1.0
        self.hang = threading.Event()
        self.hang.set()
        handler = grpc.method_handlers_generic_handler(
            "google.pubsub.v1.Publisher",
            {
                "Publish": grpc.unary_unary_rpc_method_handler(
                    self._publish,
                    request_deserializer=PublishRequest.deserialize,
                    response_serializer=PublishResponse.serialize,
                )
            },
        )
        self._server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _publish(self, request, context):
        self.hang.wait(10)
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if self.status is not None:
            context.abort(self.status, "details that may repeat what was sent")
        count = int(len(request.messages) * self.acknowledge)
        return PublishResponse(message_ids=[str(number) for number in range(count)])

    def stop(self) -> None:
        self.hang.set()
        self._server.stop(None).wait()


@pytest.fixture
def broker():
    broker = Broker()
    yield broker
    broker.stop()


@pytest.fixture
def transport(broker):
    transport = PubSubTransport(TOPIC, emulator=broker.address, timeout_seconds=2)
    yield transport
    transport.close()


def test_batch_is_sent_with_writer_as_ordering_key_and_minimal_attributes(broker, transport):
    transport.publish(MESSAGES)

    (request,) = broker.requests
    assert request.topic == TOPIC
    assert [(m.data, m.ordering_key, dict(m.attributes)) for m in request.messages] == [
        (b'{"record":{}}', "w1", {"writer_id": "w1", "kind": "event"}),
        (b"\x00\xff", "w1", {"writer_id": "w1", "kind": "content"}),
    ]
    assert (
        broker.metadata[0]["x-goog-request-params"] == "topic=projects%2Fp%2Ftopics%2Faudit-events"
    )


def test_unordered_transport_sends_no_ordering_key(broker):
    transport = PubSubTransport(TOPIC, emulator=broker.address, ordered=False)

    transport.publish(MESSAGES)

    assert {message.ordering_key for message in broker.requests[0].messages} == {""}
    transport.close()


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.PERMISSION_DENIED,
    ],
    ids=lambda status: status.name,
)
def test_status_that_may_pass_is_unavailable(broker, transport, status):
    broker.status = status

    with pytest.raises(PublishUnavailable) as error:
        transport.publish(MESSAGES)

    assert error.value.reason == status.name.lower()
    assert "details" not in str(error.value)


def test_invalid_argument_is_a_rejection(broker, transport):
    broker.status = grpc.StatusCode.INVALID_ARGUMENT

    with pytest.raises(PublishRejected) as error:
        transport.publish(MESSAGES)

    assert "details" not in str(error.value)


def test_missing_topic_is_told_once_and_again_after_it_worked(broker, transport, caplog):
    def refuse() -> int:
        broker.status = grpc.StatusCode.NOT_FOUND
        for _ in range(3):
            with pytest.raises(PublishUnavailable, match="not_found"):
                transport.publish(MESSAGES)
        return len([r for r in caplog.records if "not usable" in r.message])

    assert refuse() == 1
    broker.status = None
    transport.publish(MESSAGES)
    assert refuse() == 2


def test_broker_that_does_not_answer_is_given_up_in_time(broker):
    transport = PubSubTransport(TOPIC, emulator=broker.address, timeout_seconds=0.1)
    broker.hang.clear()

    with pytest.raises(PublishUnavailable, match="deadline_exceeded"):
        transport.publish(MESSAGES)

    transport.close()


def test_broker_that_acknowledges_a_part_has_acknowledged_nothing(broker, transport):
    broker.acknowledge = 0.5

    with pytest.raises(PublishUnavailable, match="partial"):
        transport.publish(MESSAGES)


def test_closed_transport_is_unavailable(transport):
    transport.close()

    with pytest.raises(PublishUnavailable):
        transport.publish(MESSAGES)


@pytest.mark.parametrize("topic", ["audit-events", "projects/p/topics/", "projects/p/topics/a/b"])
def test_topic_without_its_project_is_refused(topic):
    with pytest.raises(ValueError, match="projects/PROJECT"):
        PubSubTransport(topic, emulator="127.0.0.1:1")
