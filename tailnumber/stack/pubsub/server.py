"""The gRPC face of the broker: google.pubsub.v1 Publisher and Subscriber.

Methods that are not here answer UNIMPLEMENTED, which gRPC does by itself.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # nor protobuf
from grpc import aio

from tailnumber.stack.pubsub import validation, wire
from tailnumber.stack.pubsub.backlog import Consumer
from tailnumber.stack.pubsub.broker import Broker
from tailnumber.stack.pubsub.errors import (
    AlreadyExists,
    CannotStart,
    InvalidArgument,
    NotFound,
    PubSubError,
)
from tailnumber.stack.pubsub.stream import Stream, add_received
from tailnumber.stack.pubsub.subscription import LiveSubscription
from tailnumber.stack.pubsub.validation import AckId
from tailnumber.stack.pubsub.wire import RawMessage

GRPC_MESSAGE_MAX_BYTES = 16 * 1024 * 1024
"""Over Pub/Sub's 10 MB, so that what is too large is refused by us, with a reason."""
PULL_WAIT_SECONDS = 20.0
"""How long a pull waits for a first message."""
PULL_MARGIN_SECONDS = 0.2
"""A pull answers, empty, this long before the client's own deadline."""
STOP_GRACE_SECONDS = 0.5
"""What running requests get when the server stops; streams are cut then."""
LIST_DEFAULT_COUNT = 100
LIST_MAX_COUNT = 1000

Method = Callable[[RawMessage, aio.ServicerContext], Awaitable[RawMessage]]


class PubSubServer:
    """A running server; `start` it, read `address`, `stop` it."""

    def __init__(self, data_file: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Say where to keep the data and where to listen; port 0 takes any free one."""
        self._data_file = data_file
        self._host = host
        self._port = port
        self.address = ""

    async def start(self, topics: Mapping[str, str] = MappingProxyType({})) -> None:
        """Open the data, make ``topics`` (topic -> subscription) where they are missing, and serve.

        Raises:
            CannotStart: the file or the port cannot be used, or a name is not one of Pub/Sub's.
        """
        self._check_port()
        self._broker = Broker(self._data_file)
        try:
            await _provide(self._broker, topics)
        except InvalidArgument as error:
            await self._broker.close()
            raise CannotStart(str(error)) from error
        limit = GRPC_MESSAGE_MAX_BYTES
        self._server = aio.server(
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                ("grpc.so_reuseport", 0),  # or two servers would share one port in silence
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ]
        )
        self._server.add_generic_rpc_handlers(
            (_publisher_methods(self._broker), _subscriber_methods(self._broker))
        )
        try:
            port = self._server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as error:  # taken since we looked
            await self._broker.close()
            raise self._cannot_listen("in use") from error
        self.address = f"{self._host}:{port}"
        await self._server.start()

    def _check_port(self) -> None:
        # Before gRPC does, which would add lines of its own to our one sentence.
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self._host, self._port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            raise self._cannot_listen("in use" if in_use else "not available") from error
        except OverflowError as error:
            raise self._cannot_listen("no port number") from error

    def _cannot_listen(self, why: str) -> CannotStart:
        return CannotStart(
            f"Port {self._port} on {self._host} is {why}; choose another with --port."
        )

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serve until `stopping` is set, then stop."""
        try:
            async with asyncio.TaskGroup() as group:
                background = group.create_task(self._broker.expire_leases())
                await stopping.wait()
                await self._server.stop(STOP_GRACE_SECONDS)
                background.cancel()
        finally:
            await self._server.stop(None)
            await self._broker.close()


async def _provide(broker: Broker, topics: Mapping[str, str]) -> None:
    for topic, subscription in topics.items():
        with contextlib.suppress(AlreadyExists):
            await broker.create_topic(wire.Topic(name=topic))
        with contextlib.suppress(AlreadyExists):
            await broker.create_subscription(wire.Subscription(name=subscription, topic=topic))


def _publisher_methods(broker: Broker) -> grpc.GenericRpcHandler:
    async def create(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return await broker.create_topic(request)

    async def get(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return broker.topic(request.topic)

    async def list_all(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        found = {topic.name: topic for topic in broker.topics(request.project)}
        names, following = _page(list(found), request)
        topics = [found[name] for name in names]
        return wire.ListTopicsResponse(topics=topics, next_page_token=following)

    async def delete(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        await broker.delete_topic(request.topic)
        return Empty()

    async def list_subscriptions(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        names, following = _page(broker.subscription_names(request.topic), request)
        return wire.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=following)

    async def publish(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return wire.PublishResponse(message_ids=await broker.publish(request))

    return grpc.method_handlers_generic_handler(
        "google.pubsub.v1.Publisher",
        {
            "CreateTopic": _unary(create, wire.Topic),
            "GetTopic": _unary(get, wire.GetTopicRequest),
            "ListTopics": _unary(list_all, wire.ListTopicsRequest),
            "DeleteTopic": _unary(delete, wire.DeleteTopicRequest),
            "ListTopicSubscriptions": _unary(
                list_subscriptions, wire.ListTopicSubscriptionsRequest
            ),
            "Publish": _unary(publish, wire.PublishRequest),
        },
    )


def _subscriber_methods(broker: Broker) -> grpc.GenericRpcHandler:
    async def create(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return await broker.create_subscription(request)

    async def get(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return broker.subscription(request.subscription).settings

    async def update(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        return await broker.update_subscription(request.subscription, request.update_mask.paths)

    async def list_all(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        found = {each.name: each for each in broker.subscriptions(request.project)}
        names, following = _page(list(found), request)
        subscriptions = [found[name] for name in names]
        return wire.ListSubscriptionsResponse(
            subscriptions=subscriptions, next_page_token=following
        )

    async def delete(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        await broker.delete_subscription(request.subscription)
        return Empty()

    async def acknowledge(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        subscription = broker.subscription(request.subscription)
        await subscription.acknowledge(_ack_ids(request.ack_ids))
        return Empty()

    async def modify(request: RawMessage, _: aio.ServicerContext) -> RawMessage:
        seconds = request.ack_deadline_seconds
        validation.check_deadline_extension(seconds)
        subscription = broker.subscription(request.subscription)
        subscription.modify_deadlines([(each, seconds) for each in _ack_ids(request.ack_ids)])
        return Empty()

    async def pull(request: RawMessage, context: aio.ServicerContext) -> RawMessage:
        return await _pull(broker.subscription(request.subscription), request, context)

    async def streaming_pull(
        requests: AsyncIterator[RawMessage], context: aio.ServicerContext
    ) -> None:
        await _serve_stream(broker, requests, context)

    return grpc.method_handlers_generic_handler(
        "google.pubsub.v1.Subscriber",
        {
            "CreateSubscription": _unary(create, wire.Subscription),
            "GetSubscription": _unary(get, wire.GetSubscriptionRequest),
            "UpdateSubscription": _unary(update, wire.UpdateSubscriptionRequest),
            "ListSubscriptions": _unary(list_all, wire.ListSubscriptionsRequest),
            "DeleteSubscription": _unary(delete, wire.DeleteSubscriptionRequest),
            "Acknowledge": _unary(acknowledge, wire.AcknowledgeRequest),
            "ModifyAckDeadline": _unary(modify, wire.ModifyAckDeadlineRequest),
            "Pull": _unary(pull, wire.PullRequest),
            "StreamingPull": grpc.stream_stream_rpc_method_handler(
                streaming_pull,
                request_deserializer=wire.StreamingPullRequest.FromString,
                response_serializer=_serialize,
            ),
        },
    )


async def _pull(
    subscription: LiveSubscription, request: RawMessage, context: aio.ServicerContext
) -> RawMessage:
    if request.max_messages < 1:
        raise InvalidArgument("max_messages is at least 1.")
    remaining = context.time_remaining()
    wait_seconds = PULL_WAIT_SECONDS
    if remaining is not None:
        wait_seconds = min(wait_seconds, remaining - PULL_MARGIN_SECONDS)
    if request.return_immediately:
        wait_seconds = 0
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_seconds
    consumer = Consumer()
    while True:
        changed = subscription.next_change()
        if subscription.deleted:
            raise NotFound(f"There is no subscription {subscription.settings.name}.")
        deliveries = await subscription.take(
            consumer, request.max_messages, subscription.settings.ack_deadline_seconds
        )
        left_seconds = until - loop.time()
        if deliveries or left_seconds <= 0:
            response = wire.PullResponse()
            add_received(response, deliveries)
            return response
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), left_seconds)


async def _serve_stream(
    broker: Broker, requests: AsyncIterator[RawMessage], context: aio.ServicerContext
) -> None:
    try:
        first = await anext(aiter(requests), None)
        if first is not None:
            stream = Stream(broker.subscription(first.subscription), first)
            await stream.handle(first)
            await stream.run(requests, context.write)
    except PubSubError as error:
        await _refuse(context, error)


def _unary(method: Method, request_class: RawMessage) -> grpc.RpcMethodHandler:
    async def handle(request: RawMessage, context: aio.ServicerContext) -> RawMessage:
        try:
            return await method(request, context)
        except PubSubError as error:
            return await _refuse(context, error)

    return grpc.unary_unary_rpc_method_handler(
        handle, request_deserializer=request_class.FromString, response_serializer=_serialize
    )


async def _refuse(context: aio.ServicerContext, error: PubSubError) -> None:
    await context.abort(grpc.StatusCode[error.status], str(error))


def _serialize(message: RawMessage) -> bytes:
    return bytes(message.SerializeToString())


def _ack_ids(texts: Iterable[str]) -> list[AckId]:
    return [AckId.parse(text) for text in texts]


def _page(names: list[str], request: RawMessage) -> tuple[list[str], str]:
    """Cut one page out of sorted names; the token is the last name of the page before."""
    if request.page_size < 0:
        raise InvalidArgument("page_size is not negative.")
    size = min(request.page_size or LIST_DEFAULT_COUNT, LIST_MAX_COUNT)
    left = [name for name in names if name > request.page_token]
    return left[:size], left[size - 1] if len(left) > size else ""
