"""Forward one recorded prompt and bring the answer back: steps 8, 9 and 10 of the path.

Whatever happens in between, the exchange ends in exactly one of ``interaction.completed`` and
``interaction.failed``, and nothing leaves before the record that holds it is durable:

* ``strict``: each piece of a stream is a durable chunk before it goes on;
* ``bracket``: a stream goes on live, and its end waits for the record of the whole;
* ``async``: nothing waits; every row says so.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

from ingress.errors import (
    AuditUnavailable,
    CredentialError,
    CredentialRefused,
    CredentialUnavailable,
    IngressError,
    ProtocolError,
    UpstreamError,
    UpstreamProtocolError,
)
from ingress.exchange import Exchange
from ingress.headers import returned, without_credentials
from ingress.masked_stream import MaskedStream
from ingress.policy.connections import Connection
from ingress.prompt_masking import PromptMasking
from ingress.recording.recorder import Recorder
from ingress.relay import ClientGone, HeaderList, Relay
from ingress.tasks import spawn
from ingress.telemetry import Metrics
from ingress.upstream.client import UpstreamClient, UpstreamResponse
from ingress.upstream.custody import Access, Authorized, Custody, Outgoing

_log = logging.getLogger(__name__)

# Largest piece of a stream that one record of the journal holds; a larger one becomes several.
_CHUNK_BYTES_MAX: Final = 512 * 1024
_UNAUTHORIZED: Final = 401
# How long an upstream may take to end the HTTP body after its stream's last word, seconds.
_HTTP_END_SECONDS: Final = 1.0
# What a client gets now and then while a tool call is held: a comment, which says nothing.
_LIFE: Final = b": a tool call is being checked\n\n"
_LIFE_SECONDS: Final = 5.0
# Where a client of GitHub Enterprise looks for the API.
_GITHUB_ENTERPRISE: Final = "/api/v3"
_UPSTREAM_TEXT: Final = "The upstream of this gateway did not answer as it should ({code})."
_CREDENTIAL_TEXT: Final = "The gateway has no credential that the upstream takes; ask who runs it."


class Forwarder:
    """Send prompts upstream with the connection's credential and relay the answers."""

    def __init__(
        self,
        client: UpstreamClient,
        custody: Custody,
        recorder: Recorder,
        metrics: Metrics,
        completion_bytes_max: int,
    ) -> None:
        self._client = client
        self._custody = custody
        self._recorder = recorder
        self._metrics = metrics
        self._completion_bytes_max = completion_bytes_max

    async def forward(self, exchange: Exchange, relay: Relay, masking: PromptMasking) -> None:
        """Carry one exchange to its end and record it.

        Raises:
            IngressError: it failed; the failure is recorded, and the caller tells the client.
            ClientGone: the client left; that is recorded too.
        """
        await self.carry(
            exchange,
            relay,
            lambda: self._send(exchange),
            lambda response: self._bring_back(exchange, relay, masking, response),
        )

    async def carry(
        self,
        exchange: Exchange,
        relay: Relay,
        send: Callable[[], Awaitable[UpstreamResponse]],
        bring_back: Callable[[UpstreamResponse], Awaitable[None]],
    ) -> None:
        """Send an exchange and bring its answer back, so that its end is recorded in any case.

        Args:
            exchange: what was recorded as requested.
            relay: its way to the client.
            send: sends it upstream.
            bring_back: passes the answer on, and records the end with ``record_end`` before it
                tells the client of it.

        Raises:
            IngressError: it failed; the failure is recorded, and the caller tells the client.
            ClientGone: the client left; that is recorded too.
        """
        reason = "internal"
        response: UpstreamResponse | None = None
        try:
            try:
                response = await _send_watched(relay, send)
                relay.watch(response.abort)
                await bring_back(response)
            finally:
                if response is not None:
                    response.abort()
                relay.close()
            reason = ""
        except ClientGone:
            if exchange.ended:
                # The protocol's end was told; some clients close before HTTP's own end.
                return
            reason = "client_left"
            raise
        except (ProtocolError, UpstreamError) as error:
            # An abort because the client left looks like a reset from here.
            reason = "client_left" if relay.gone else _upstream_code(error)
            if relay.gone:
                raise ClientGone from None
            raise _told(error) from error
        except CredentialError as error:
            reason = error.code
            _log.warning(
                "credential not usable",
                extra={
                    "interaction_id": exchange.interaction_id,
                    "connection": exchange.route.connection_name,
                    "code": error.code,
                    "cause": str(error),
                },
            )
            raise CredentialUnavailable(_CREDENTIAL_TEXT) from error
        except IngressError as error:
            reason = error.code
            raise
        except asyncio.CancelledError:
            reason = "client_left" if relay.gone else "gateway_stopped"
            raise
        finally:
            if reason:
                exchange.outcome.client_left = reason == "client_left"
                await self._fail(exchange, relay, reason)

    async def _send(self, exchange: Exchange) -> UpstreamResponse:
        connection = exchange.route.server or exchange.route.connection
        if connection is None:
            raise UpstreamProtocolError("no connection to forward to")
        body = exchange.body if exchange.body or exchange.method != "GET" else None
        request = Outgoing(exchange.method, _target(exchange), exchange.outgoing_headers, body)
        response = await self.send(connection, request)
        outcome = exchange.outcome
        outcome.upstream_status = outcome.http_status = response.status
        return response

    async def send(self, connection: Connection, request: Outgoing) -> UpstreamResponse:
        """Send a request with its connection's credential, renewed if it is refused.

        Raises:
            CredentialError: there is no credential that the upstream takes.
            UpstreamError: no answer came.
        """
        access = self._custody.access(connection)
        authorized = await access.authorize(request)
        response = await self._sent(request, authorized)
        if response.status == _UNAUTHORIZED and access.shows:
            response.abort()
            response = await self._sent_again(access, request, authorized)
        return response

    async def _sent(self, request: Outgoing, authorized: Authorized) -> UpstreamResponse:
        return await self._client.send(
            authorized.origin,
            request.method,
            authorized.target,
            authorized.headers,
            request.body,
            authorized.shown.hidden,
        )

    async def _sent_again(
        self, access: Access, request: Outgoing, refused: Authorized
    ) -> UpstreamResponse:
        """Send once more with a renewed credential; the client has seen nothing yet.

        A second refusal is the gateway's matter, not the client's: told as such, it would make
        the client throw its own key away. What the upstream says of it may quote the credential.

        Raises:
            CredentialRefused: there is no other credential, or it is refused too.
        """
        # A body that came in pieces is spent; the next request shows the renewed credential.
        if access.refused(refused) and isinstance(request.body, bytes | None):
            response = await self._sent(request, await access.authorize(request))
            if response.status != _UNAUTHORIZED:
                return response
            response.abort()
        raise CredentialRefused(f"{refused.origin} refuses the credential (HTTP 401)")

    async def _bring_back(
        self, exchange: Exchange, relay: Relay, masking: PromptMasking, response: UpstreamResponse
    ) -> None:
        content_type, encoding = b"", b"identity"
        for name, value in response.headers:
            lowered = name.lower()
            if lowered == b"content-type":
                content_type = value.lower()
            elif lowered == b"content-encoding":
                encoding = value.lower()
        if encoding != b"identity":
            raise ProtocolError("the upstream compressed its answer though it was told not to")
        headers = masking.returned(exchange, returned(response.headers, _own_base(exchange)))
        exchange.outcome.upstream_request_id = _request_id(headers)
        if content_type.startswith(b"text/event-stream") and response.status < 400:
            await self._stream(exchange, relay, masking.stream(exchange), response, headers)
        else:
            await self._whole(exchange, relay, masking, response, headers)

    async def _whole(
        self,
        exchange: Exchange,
        relay: Relay,
        masking: PromptMasking,
        response: UpstreamResponse,
        headers: HeaderList,
    ) -> None:
        received = await response.read(self._completion_bytes_max)
        body = masking.completion(exchange, received) if received else received
        exchange.outcome.completion_bytes = len(body)
        exchange.outcome.first_chunk_seconds = _since(exchange)
        await self.record_end(exchange)
        await relay.answer(response.status, headers, masking.restored(exchange, body))

    async def _stream(
        self,
        exchange: Exchange,
        relay: Relay,
        stream: MaskedStream,
        response: UpstreamResponse,
        headers: HeaderList,
    ) -> None:
        relay.streams = True
        # The head waits for the first piece, but not for an upstream that thinks.
        await relay.start(response.status, headers, held=response.arrived)
        recorded, rest, last = False, b"", b""
        shown_at = perf_counter()
        try:
            async for piece in response.chunks():
                released = stream.feed(piece)
                if stream.completion.ended:
                    # The record of the whole is durable before the end is told.
                    recorded = True
                    self._count(exchange, released)
                    stream.place_findings()
                    await self.record_end(exchange)
                    last = stream.restored(released, last=True)
                    break
                if released:
                    await self._release(exchange, relay, stream, released)
                elif stream.holds and perf_counter() - shown_at > _LIFE_SECONDS:
                    shown_at = perf_counter()
                    await relay.send(_LIFE)
                else:
                    await relay.send(b"")
                if stream.failure is not None:
                    raise stream.failure
            if not recorded:
                rest = stream.finish()
        finally:
            if not recorded:
                stream.place_findings()
        if not recorded:
            last = await self._end_without_done(exchange, relay, stream, rest)
        await relay.send(last, more=False)
        await _finish_quietly(response)

    async def _end_without_done(
        self, exchange: Exchange, relay: Relay, stream: MaskedStream, rest: bytes
    ) -> bytes:
        """Record a stream whose upstream closed without the protocol's last word; return the rest.

        Raises:
            UpstreamProtocolError: it did not come to its end.
            AuditUnavailable: the record is not durable.
        """
        if not stream.ended:
            if rest:
                await self._release(exchange, relay, stream, rest)
            raise UpstreamProtocolError("the stream ended before its end was told")
        self._count(exchange, rest)
        await self.record_end(exchange)
        return stream.restored(rest, last=True)

    async def _release(
        self, exchange: Exchange, relay: Relay, stream: MaskedStream, released: bytes
    ) -> None:
        """Send a piece of a stream, durable first where the decision says strict."""
        if len(released) > _CHUNK_BYTES_MAX:
            await self._release(exchange, relay, stream, released[:_CHUNK_BYTES_MAX])
            await self._release(exchange, relay, stream, released[_CHUNK_BYTES_MAX:])
            return
        decision = exchange.decision
        if decision is None or decision.assurance == "strict":
            await self._recorder.chunk(exchange, exchange.outcome.chunk_count, released)
        self._count(exchange, released)
        outgoing = stream.restored(released)
        if outgoing:
            await relay.send(outgoing)

    def _count(self, exchange: Exchange, released: bytes) -> None:
        outcome = exchange.outcome
        if outcome.first_chunk_seconds is None:
            outcome.first_chunk_seconds = _since(exchange)
        outcome.chunk_count += 1
        outcome.completion_bytes += len(released)

    async def record_end(self, exchange: Exchange) -> None:
        """Record how the exchange ended; in ``async`` mode without waiting for it.

        Raises:
            AuditUnavailable: it is not durable, so the end must not be told.
        """
        status = exchange.outcome.upstream_status or 502
        ended = (
            self._recorder.completed(exchange)
            if status < 400
            else self._recorder.failed(exchange, "upstream_refused")
        )
        self._metrics.ended.labels("completed" if status < 400 else "failed").inc()
        self._metrics.duration.observe(perf_counter() - exchange.began_at)
        exchange.ended = True
        if exchange.decision is not None and exchange.decision.assurance == "async":
            spawn(ended, "record end")
        else:
            await ended

    async def _fail(self, exchange: Exchange, relay: Relay, reason: str) -> None:
        if exchange.ended:
            return
        exchange.ended = True
        self._metrics.ended.labels("failed").inc()
        if not relay.started:
            exchange.outcome.http_status = exchange.outcome.upstream_status or 502
        try:
            await self._recorder.failed(exchange, reason)
        except AuditUnavailable:
            # The recorder goes on trying; what the client is told stays the first failure.
            return


async def _send_watched(
    relay: Relay, send: Callable[[], Awaitable[UpstreamResponse]]
) -> UpstreamResponse:
    """Send; give the upstream up at once if the client leaves before its answer begins."""
    task = asyncio.current_task()
    if task is not None:
        relay.watch(task.cancel)
    try:
        return await send()
    except asyncio.CancelledError:
        if not relay.gone:
            raise
        if task is not None:
            task.uncancel()
        raise ClientGone from None


async def _finish_quietly(response: UpstreamResponse) -> None:
    """Take HTTP's own end, if it comes soon, so that the connection can be used again."""
    if response.complete:
        return
    with contextlib.suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(_HTTP_END_SECONDS):
            while await response.next_chunk():
                pass


def _target(exchange: Exchange) -> bytes:
    route = exchange.route
    target = route.upstream_path.encode("latin-1")
    if not exchange.query:
        return target
    is_model = route.connection is not None and route.connection.kind != "http"
    query = without_credentials(exchange.query, keys=is_model)
    return target + b"?" + query if query else target


def _own_base(exchange: Exchange) -> tuple[bytes, bytes]:
    """Return the upstream's base URL, and the gateway's path that stands for it."""
    connection = exchange.route.connection
    if connection is None:
        return b"", b""
    prefix = next((p for p in ("/c/", "/git/") if exchange.path.startswith(p)), "")
    path = f"{prefix}{connection.name}" if prefix else ""
    if exchange.path.startswith(_GITHUB_ENTERPRISE):
        path = _GITHUB_ENTERPRISE
    return connection.upstream.encode("ascii"), path.encode("ascii")


def _request_id(headers: HeaderList) -> str | None:
    named = {name.lower(): value for name, value in headers}
    value = named.get(b"x-github-request-id") or named.get(b"x-request-id")
    return value.decode("ascii", "replace")[:256] if value else None


def _since(exchange: Exchange) -> float:
    return round(perf_counter() - exchange.began_at, 6)


def _upstream_code(error: IngressError) -> str:
    """Return the code of a failure on the upstream's side; its bad bytes are its own fault."""
    return error.code if isinstance(error, UpstreamError) else UpstreamProtocolError.code


def _told(error: IngressError) -> IngressError:
    """Return the failure as the client is told it: a code and one sentence, no inner words."""
    kind = type(error) if isinstance(error, UpstreamError) else UpstreamProtocolError
    return kind(_UPSTREAM_TEXT.format(code=kind.code))
