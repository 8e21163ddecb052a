"""Put a masker between an upstream's stream and the client, frame by frame.

A frame that the masker leaves alone passes byte for byte. Where it holds text back, the frame
goes on without it and the text follows in a later frame of its channel, at the latest before the
frame that ends the channel's choice.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

import orjson

from ingress.errors import ProtocolError
from ingress.protocol.doubled import says_more
from ingress.protocol.sse import Frame, SseSplitter, with_data
from ingress.protocol.template import Template, template_of
from ingress.protocol.texts import Channel, Completion, Delta
from ingress.protocol.wire import WireProtocol

_DONE = b"[DONE]"
# Of a frame that is one line of data: its own and the blank one's.
_LINE_ENDS = 2

# A frame's bytes, and the text in it.
Said = tuple[bytes, str]

# Names that were found clean and are not looked at again in this stream.
_KNOWN_NAMES_MAX = 1024
_KNOWN_NAME_CHARACTERS = 256
# Frames in a row that are looked at in vain for a template: not every stream has one.
_FRAMES_TO_LEARN = 8


class ChannelMasker(Protocol):
    """What the stream asks of a masker: one per channel."""

    def feed(self, delta: str) -> str:
        """Return the text that may go on now."""

    def finish(self) -> str:
        """Return what was still held, masked."""


class CompletionStream:
    """Mask one streamed answer and gather its completion.

    Args:
        protocol: says where the deltas stand.
        new_masker: makes the masker of a channel when its first delta comes.
        mask_whole: masks a text that is no delta; returns the same object if nothing changed.
    """

    __slots__ = (
        "_candidate",
        "_known_names",
        "_last",
        "_mask_whole",
        "_maskers",
        "_new_masker",
        "_protocol",
        "_splitter",
        "_template",
        "_to_learn",
        "completion",
        "failure",
    )

    def __init__(
        self,
        protocol: WireProtocol,
        new_masker: Callable[[Channel], ChannelMasker],
        mask_whole: Callable[[str, str], str],
    ) -> None:
        self.completion = Completion()
        self.failure: ProtocolError | None = None
        self._protocol = protocol
        self._new_masker = new_masker
        self._mask_whole = mask_whole
        self._splitter = SseSplitter()
        self._maskers: dict[Channel, ChannelMasker] = {}
        self._known_names: set[str] = set()
        self._last: dict[Channel, tuple[Delta, dict[str, Any]]] = {}
        self._template: Template | None = None
        # The last frame that may become the template, and what was known behind it.
        self._candidate: tuple[Template | None, str] = None, ""
        self._to_learn = _FRAMES_TO_LEARN

    def feed(self, piece: bytes) -> bytes:
        """Return what may be released after this piece of the upstream's stream.

        If a frame is not what its protocol says, that is what stood before it, and ``failure``
        is set: release, then raise it.

        Raises:
            ProtocolError: the piece's first frame is such a one.
        """
        released: list[bytes] = []
        try:
            frames, at = self._splitter.feed(piece), 0
            while at < len(frames):
                run = self._alike(frames, at)
                # What stands before a frame that fails is kept.
                released.append(self._masked_run(*run) if run else self._frame(frames[at]))
                at += len(run[1]) if run else 1
        except ProtocolError as error:
            if not released:
                raise
            self.failure = error
        return b"".join(released)

    def finish(self) -> bytes:
        """Return what is left when the upstream ended: an unfinished frame, held texts.

        Raises:
            ProtocolError: the unfinished frame cannot be read.
        """
        rest = self._splitter.finish()
        last = self._frame(rest) if rest is not None else b""
        return last + self._flush(None)

    def _alike(self, frames: list[Frame], at: int) -> tuple[Template, list[Said]] | None:
        """Return the frames from ``at`` on that are like the template, None if the first is not."""
        template = self._template
        if template is None or template.delta.channel not in self._maskers:
            return None
        run: list[Said] = []
        for frame in islice(frames, at, None):
            text = template.text_of(frame.raw)
            if text is None:
                break
            run.append((frame.raw, text))
        return (template, run) if run else None

    def _masked_run(self, template: Template, run: list[Said]) -> bytes:
        """Mask frames that came together with one look at their texts.

        The first of them that does not stay as it came carries all else that may be released.
        """
        channel = template.delta.channel
        text = "".join([text for _, text in run])
        masked = self._maskers[channel].feed(text)
        self.completion.add(channel, masked)
        if masked == text:
            return b"".join([raw for raw, _ in run])
        kept, rest = 0, masked
        while kept < len(run) - 1 and rest.startswith(run[kept][1]):
            rest = rest.removeprefix(run[kept][1])
            kept += 1
        frames = [raw for raw, _ in run[:kept]]
        empty = template.with_text("")
        return b"".join([*frames, template.with_text(rest), *[empty] * (len(run) - kept - 1)])

    def _frame(self, frame: Frame) -> bytes:
        data = frame.data
        if data is None:
            return self._plain(frame.raw)
        frame = self._mask_other_lines(frame, data)
        if data == _DONE:
            self.completion.ended = True
            return self._flush(None) + frame.raw
        protocol, completion = self._protocol, self.completion
        document = parse_document(data)
        changed = _is_doubled(data, document)
        deltas = protocol.parse_delta(document, completion)
        repeats = protocol.repeats(document)
        changed = self._mask_names(document, [*deltas, *repeats]) or changed
        for delta in deltas:
            changed = self._mask(delta, document) or changed
        before = b""
        for choice in protocol.ended_choices(document):
            own = {delta.channel: delta for delta in deltas if delta.channel.choice == choice}
            before += self._flush(choice, own)
        for repeat in repeats:
            changed = self._repeat(repeat) or changed
        # The protocol's own last frame ends the completion: nothing may be held beyond it.
        if completion.ended:
            before += self._flush(None)
        raw = with_data(frame, orjson.dumps(document)) if changed or before else frame.raw
        if not protocol.is_plain(document):
            return before + self._plain(raw)
        if self._to_learn and len(deltas) == 1 and not (changed or before or repeats):
            self._learn(frame, deltas[0], document)
        return before + raw

    def _mask_other_lines(self, frame: Frame, data: bytes) -> Frame:
        """Return a frame with its name, id and comments masked: its data do not hold them."""
        raw = frame.raw
        if raw.startswith(b"data:") and raw.count(b"\n") == _LINE_ENDS and b"\r" not in raw:
            return frame
        others = with_data(frame, b"").partition(b"data: ")[0].decode("utf-8", "replace")
        if others in self._known_names:
            return frame
        masked = self._mask_whole(others, "frame")
        if masked != others:
            lines = b"".join([b"data: " + line + b"\n" for line in data.split(b"\n")])
            return Frame(masked.encode() + lines + b"\n", frame.event, data)
        if len(self._known_names) < _KNOWN_NAMES_MAX and len(others) <= _KNOWN_NAME_CHARACTERS:
            self._known_names.add(others)
        return frame

    def _learn(self, frame: Frame, delta: Delta, document: dict[str, Any]) -> None:
        """Make a frame the template once a second one like it has told nothing new.

        What parsing makes of a frame depends on the frame and on what is known already. Of two
        frames alike but for their texts, the second changed nothing of that, so a third will not.
        """
        template, known = self._candidate
        state = repr(replace(self.completion, texts={}))
        if template is not None and known == state and template.text_of(frame.raw):
            self._template, self._to_learn = template, _FRAMES_TO_LEARN
        else:
            self._candidate = template_of(frame, delta, document), state
            self._to_learn -= 1

    def _mask(self, delta: Delta, document: dict[str, Any]) -> bool:
        """Mask one delta in place; say whether it changed."""
        channel = delta.channel
        masker = self._maskers.get(channel)
        if masker is None:
            masker = self._maskers[channel] = self._new_masker(channel)
        masked = masker.feed(delta.value)
        self._last[channel] = (delta, document)
        self.completion.add(channel, masked)
        if masked == delta.value:
            return False
        delta.holder[delta.key] = masked
        return True

    def _mask_names(self, document: dict[str, Any], deltas: list[Delta]) -> bool:
        """Mask the frame's other strings: ids, names and reasons may be secrets as well."""
        own = {(id(delta.holder), delta.key) for delta in deltas}
        known, changed = self._known_names, False
        waiting: list[Any] = [document]
        while waiting:
            holder = waiting.pop()
            for key, value in holder.items() if type(holder) is dict else enumerate(holder):
                if type(value) is str:
                    if value in known or (id(holder), key) in own:
                        continue
                    masked = self._mask_whole(value, "frame")
                    if masked != value:
                        holder[key] = masked
                        changed = True
                    elif len(known) < _KNOWN_NAMES_MAX and len(value) <= _KNOWN_NAME_CHARACTERS:
                        known.add(value)
                elif type(value) is dict or type(value) is list:
                    waiting.append(value)
        return changed

    def _repeat(self, repeat: Delta) -> bool:
        """Put what the channel's deltas became where the frame says their text again."""
        said = self.completion.texts.get(repeat.channel)
        if said is None:
            masked = self._mask_whole(repeat.value, repeat.channel.location)
            self.completion.add(repeat.channel, masked)
        else:
            masked = "".join(said)
        if masked == repeat.value:
            return False
        repeat.holder[repeat.key] = masked
        return True

    def _flush(self, choice: int | None, own: dict[Channel, Delta] | None = None) -> bytes:
        """Finish the maskers of one choice, or of all; return frames for what they held."""
        frames = b""
        for channel in [c for c in self._maskers if choice is None or c.choice == choice]:
            held = self._maskers.pop(channel).finish()
            delta, document = self._last.pop(channel)
            if not held:
                continue
            self.completion.add(channel, held)
            # A frame that ends the choice may carry text too: what it carried comes after.
            if own and channel in own:
                last = own[channel]
                held = last.holder[last.key] + held
                last.holder[last.key] = ""
            frames += self._protocol.frame_of(delta, document, held)
        return frames

    def _plain(self, raw: bytes) -> bytes:
        """Mask a frame whose texts stand in no known place, as one text."""
        text = raw.decode("utf-8", "replace")
        masked = self._mask_whole(text, "frame")
        return raw if masked is text else masked.encode()


def parse_document(data: bytes) -> dict[str, Any]:
    """Return the JSON object that a frame carries.

    Raises:
        ProtocolError: it is none.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ProtocolError("a stream frame is not JSON") from None
    if not isinstance(document, dict):
        raise ProtocolError("a stream frame is no JSON object")
    return document


def _is_doubled(data: bytes, document: dict[str, Any]) -> bool:
    try:
        return says_more(data, document)
    except ValueError:
        raise ProtocolError("a stream frame is nested too deeply") from None
