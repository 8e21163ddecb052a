"""Carry one streamed answer through its maskers, the gate of its tool calls, and back to values."""

from collections.abc import Iterator

from ingress.errors import ProtocolError
from ingress.exchange import Exchange
from ingress.findings import TO_CLIENT, add_new, located, mask_names, masked_name
from ingress.masking.mask import Masker
from ingress.masking.stream import StreamMasker
from ingress.protocol.gate import CallGate
from ingress.protocol.stream import CompletionStream
from ingress.protocol.texts import Channel
from ingress.protocol.wire import WireProtocol
from ingress.restoring import restoring_stream
from ingress.tool_calls import note_incomplete, tool_call_policy


class MaskedStream:
    """One streamed answer through its maskers, findings placed as they come."""

    def __init__(self, exchange: Exchange, masker: Masker) -> None:
        protocol = exchange.route.protocol
        if protocol is None:
            raise ProtocolError("a stream came where no texts are understood")
        self._exchange = exchange
        self._masker = masker
        self._channels: list[tuple[Channel, StreamMasker]] = []
        self._stream = CompletionStream(protocol, self._channel, self._whole)
        self.completion = exchange.outcome.completion = self._stream.completion
        self.feed = self._stream.feed
        self._gate = self._new_gate(exchange, protocol)
        if self._gate is not None:
            self.feed = self._gated
        self._restoring = restoring_stream(protocol, exchange.vault) if exchange.vault else None

    def restored(self, masked: bytes, *, last: bool = False) -> bytes:
        """Return a masked piece as the client gets it; ``last`` releases what was held for that."""
        if self._restoring is None:
            return masked
        return self._restoring.feed(masked) + (self._restoring.finish() if last else b"")

    def finish(self) -> bytes:
        """Return what is left at the upstream's end, masked.

        Raises:
            ProtocolError: the last frame cannot be read.
            MaskingError: a text could not be checked.
        """
        rest = self._stream.finish()
        return rest if self._gate is None else self._gate.feed(rest) + self._gate.finish()

    def _new_gate(self, exchange: Exchange, protocol: WireProtocol) -> CallGate | None:
        def name(text: str) -> str:
            return masked_name(self._masker, text)

        calls, deciding = protocol.calls(), tool_call_policy(exchange, name, self._found)
        if calls is None or deciding is None:
            return None
        return CallGate(calls, self.completion, deciding.decide)

    def _gated(self, piece: bytes) -> bytes:
        masked = self._stream.feed(piece)
        # Until the masker has seen a tool, or the last event, which may name one for the first
        # time, there is nothing to hold and nothing more to read.
        seen = self.completion.tools or self.completion.ended
        return self._gate.feed(masked) if self._gate and seen else masked

    def _found(self, channel: Channel) -> Iterator[str]:
        """Yield the rules that found something in a channel."""
        for other, masker in self._channels:
            if other == channel:
                yield from (found.rule_id for found in masker.findings)

    @property
    def holds(self) -> bool:
        """Say that a tool call is kept back until all of it is known."""
        return self._gate is not None and bool(self._gate.waiting)

    @property
    def failure(self) -> ProtocolError | None:
        """Return why the stream cannot go on, once what stood before is released."""
        return self._stream.failure

    @property
    def ended(self) -> bool:
        """Say that the protocol's end was seen: ``[DONE]``, or every choice finished."""
        completion = self.completion
        choices = {channel.choice for channel in completion.texts}
        return completion.ended or bool(
            completion.finish_reasons and choices <= completion.finish_reasons.keys()
        )

    def place_findings(self) -> None:
        """Add what the channels' maskers found to the outcome; call it once, at the end."""
        for channel, masker in self._channels:
            found = located(masker.findings, TO_CLIENT, channel.location)
            self._exchange.outcome.findings += found
        if self._gate is not None:
            note_incomplete(self.completion, self._gate.waiting)
        mask_names(self.completion, self._masker)

    def _channel(self, channel: Channel) -> StreamMasker:
        masker = self._masker.stream()
        self._channels.append((channel, masker))
        return masker

    def _whole(self, text: str, location: str) -> str:
        masked, findings = self._masker.mask(text)
        add_new(self._exchange.outcome, findings, location)
        return masked
