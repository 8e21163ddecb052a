"""One streaming pull: acknowledgements and deadlines in, messages out, under flow control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from tailnumber.stack.pubsub import validation
from tailnumber.stack.pubsub.backlog import Consumer
from tailnumber.stack.pubsub.errors import InvalidArgument, NotFound, PubSubError
from tailnumber.stack.pubsub.subscription import BATCH_MAX_COUNT, Delivery, LiveSubscription
from tailnumber.stack.pubsub.validation import AckId
from tailnumber.stack.pubsub.wire import RawMessage, StreamingPullResponse


class Stream:
    """The server's side of one StreamingPull call.

    Messages that are out when the stream ends stay out until their deadline, as in Pub/Sub: the
    client may still be working on them and can acknowledge on its next stream.
    """

    def __init__(self, subscription: LiveSubscription, first: RawMessage) -> None:
        """Take the limits from the first request.

        Raises:
            InvalidArgument: the stream's deadline is missing or out of range.
        """
        validation.check_ack_deadline(first.stream_ack_deadline_seconds)
        self._subscription = subscription
        self._deadline_seconds = first.stream_ack_deadline_seconds
        self._consumer = Consumer(
            max_outstanding_count=max(0, first.max_outstanding_messages),
            max_outstanding_bytes=max(0, first.max_outstanding_bytes),
        )

    async def run(
        self,
        requests: AsyncIterator[RawMessage],
        write: Callable[[RawMessage], Awaitable[None]],
    ) -> None:
        """Serve until the client ends its side.

        Raises:
            InvalidArgument: a request breaks the rules.
            NotFound: the subscription was deleted.
            StorageFailed: the data file failed.
        """
        refusal: PubSubError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(write))
                async for request in requests:
                    await self.handle(request)
                sending.cancel()
        except* PubSubError as group_error:
            refusal = next(e for e in group_error.exceptions if isinstance(e, PubSubError))
        if refusal is not None:
            raise refusal

    async def handle(self, request: RawMessage) -> None:
        """Apply the acknowledgements and deadlines of one request."""
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise InvalidArgument("Each modified acknowledgement id needs one deadline.")
        for seconds in request.modify_deadline_seconds:
            validation.check_deadline_extension(seconds)
        if request.stream_ack_deadline_seconds:
            validation.check_ack_deadline(request.stream_ack_deadline_seconds)
            self._deadline_seconds = request.stream_ack_deadline_seconds
        await self._subscription.acknowledge([AckId.parse(text) for text in request.ack_ids])
        modified = [AckId.parse(text) for text in request.modify_deadline_ack_ids]
        self._subscription.modify_deadlines(
            list(zip(modified, request.modify_deadline_seconds, strict=True))
        )

    async def _send(self, write: Callable[[RawMessage], Awaitable[None]]) -> None:
        subscription = self._subscription
        while True:
            if subscription.deleted:
                raise NotFound(f"There is no subscription {subscription.settings.name}.")
            changed = subscription.next_change()
            deliveries = await subscription.take(
                self._consumer, BATCH_MAX_COUNT, self._deadline_seconds
            )
            if deliveries:
                await write(self._response(deliveries))
            else:
                await changed.wait()

    def _response(self, deliveries: list[Delivery]) -> RawMessage:
        response = StreamingPullResponse()
        add_received(response, deliveries)
        properties = response.subscription_properties
        properties.message_ordering_enabled = self._subscription.settings.enable_message_ordering
        return response


def add_received(response: RawMessage, deliveries: list[Delivery]) -> None:
    """Put deliveries into the `received_messages` of a pull's or a stream's response."""
    for delivery in deliveries:
        received = response.received_messages.add(
            ack_id=delivery.ack_id, delivery_attempt=delivery.attempt
        )
        received.message.ParseFromString(delivery.body)
