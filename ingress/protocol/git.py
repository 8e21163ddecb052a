"""Read and write git's smart HTTP: pkt-lines, the commands of a push, the wants of a fetch. Pure.

What stands before a pack is small and is read whole; the pack itself is ``ingress.protocol.pack``.

Source: git's gitprotocol-common, gitprotocol-pack, gitprotocol-v2 and gitprotocol-http.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from ingress.errors import BadPrompt, ProtocolError

UPLOAD_PACK, RECEIVE_PACK = "git-upload-pack", "git-receive-pack"
FLUSH, DELIMITER = b"0000", b"0001"
# Most ref updates of one push: each is a decision and stands in the record.
COMMANDS_MAX: Final = 1000
# Most bytes before the pack: that many commands with the longest names that git hosts take.
COMMANDS_BYTES_MAX: Final = 1024 * 1024
# Wanted objects that a record names; a clone may want one for every branch and tag.
WANTS_MAX: Final = 100
# A fetch says an object's name in each line but these many; a flood of short lines is no fetch.
_SHORT_LINES_MAX: Final = 10_000

_PACKET_MAX: Final = 65_520
_SIDE_BAND_DATA: Final = {"side-band-64k": 65_515, "side-band": 995}
# Least length of a line that names an object: "want" or "have", a space, the id.
_NAMED_BYTES: Final = 45
_ID: Final = rb"([0-9a-f]{40}|[0-9a-f]{64})"
_COMMAND: Final = re.compile(_ID + rb" " + _ID + rb" (.+)", re.DOTALL)
_SHALLOW: Final = re.compile(rb"shallow " + _ID)
# What git itself takes as a ref's name. Source: git-check-ref-format.
_REF: Final = re.compile(r"refs/(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+")
_REF_CHARACTERS_MAX: Final = 1024
_WANT: Final = re.compile(rb"want(?:-ref)? ([^\s\x00]{1,1024})")
# What would let a client hide something from us, or is not understood here.
_TAKEN_AWAY: Final = ("push-cert=", "push-options")

Change = Literal["created", "updated", "deleted"]


class Packet(NamedTuple):
    """One pkt-line: its payload (None for flush and other marks) and where it ends."""

    data: bytes | None
    end: int


@dataclass(frozen=True, slots=True)
class Command:
    """One ref update of a push, ids as lower-case hex."""

    ref: str
    old_id: str
    new_id: str

    @property
    def change(self) -> Change:
        """Return what it does to the ref, as far as the ids tell."""
        if not self.new_id.strip("0"):
            return "deleted"
        return "updated" if self.old_id.strip("0") else "created"


@dataclass(frozen=True, slots=True)
class Push:
    """What stands before the pack of a push; ``pack_start`` is where the pack begins."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]
    pack_start: int

    @property
    def object_format(self) -> str:
        """Return the hash that names objects: ``sha1`` or ``sha256``."""
        return "sha256" if "object-format=sha256" in self.capabilities else "sha1"

    @property
    def has_pack(self) -> bool:
        """Say that a pack must follow: only deletions come without one."""
        return any(command.change != "deleted" for command in self.commands)


def packet(data: bytes) -> bytes:
    """Return a pkt-line."""
    return b"%04x%b" % (len(data) + 4, data)


def packets(data: bytes, start: int = 0) -> Iterator[Packet]:
    """Yield the pkt-lines of ``data``.

    Raises:
        BadPrompt: a length is none, or the last line is cut.
    """
    while start < len(data):
        end, payload = _packet_at(data, start)
        if end > len(data):
            raise BadPrompt("The git request ends inside a pkt-line.")
        yield Packet(payload, end)
        start = end


def _packet_at(data: bytes, start: int) -> tuple[int, bytes | None]:
    try:
        length = int(data[start : start + 4].decode("ascii"), 16)
    except (UnicodeDecodeError, ValueError):
        raise BadPrompt("The git request is not made of pkt-lines.") from None
    if length < 4 and length != 3 and len(data) >= start + 4:
        return start + 4, None
    if not 4 <= length <= _PACKET_MAX or len(data) < start + 4:
        raise BadPrompt("The git request has a pkt-line of no valid length.")
    return start + length, data[start + 4 : start + length]


def parse_push(head: bytes) -> Push:
    """Read the commands of a push.

    Args:
        head: the beginning of the body, at most ``COMMANDS_BYTES_MAX`` bytes of it.

    Raises:
        BadPrompt: it is no push that can be understood whole, or has too many commands.
    """
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    end = 0
    lines = packets(head)
    for data, end in lines:  # noqa: B007  (where the last one ended)
        if data is None:
            break
        line, _, listed = data.rstrip(b"\n").partition(b"\0")
        is_shallow = _SHALLOW.fullmatch(line)
        if listed:
            # Git takes those of any line; here one line must speak for all.
            if commands or is_shallow:
                raise BadPrompt("The push names capabilities in another line than its first.")
            capabilities = frozenset(listed.decode("ascii", "replace").split())
        if is_shallow:
            continue
        commands.append(_command(line))
        if len(commands) > COMMANDS_MAX:
            raise BadPrompt(f"A push may update {COMMANDS_MAX} refs at once; push fewer.")
    else:
        raise BadPrompt("The push ends inside its commands, or has too many.")
    if "push-options" in capabilities:
        end = _end_of_options(lines)
    if len({command.ref for command in commands}) != len(commands):
        raise BadPrompt("The push names a ref twice.")
    return Push(tuple(commands), capabilities, end)


def _end_of_options(lines: Iterator[Packet]) -> int:
    for data, end in lines:
        if data is None:
            return end
    raise BadPrompt("The push ends inside its options.")


def _command(line: bytes) -> Command:
    match = _COMMAND.fullmatch(line)
    if match is None:
        raise BadPrompt("The push has a line that is no ref update; signed pushes do not pass.")
    try:
        ref = match[3].decode()
    except UnicodeDecodeError:
        raise BadPrompt("The push names a ref that is not UTF-8.") from None
    if not _REF.fullmatch(ref) or len(ref) > _REF_CHARACTERS_MAX:
        raise BadPrompt("The push names a ref that git would not take.")
    return Command(ref, match[1].decode(), match[2].decode())


def parse_wants(body: bytes) -> tuple[str, ...]:
    """Return what a fetch asks for: object ids, and refs by name; the first ``WANTS_MAX``.

    Raises:
        BadPrompt: the body is not made of pkt-lines, or of far too many.
    """
    wants: dict[str, None] = {}
    short = 0
    for data, _ in packets(body):
        if data is None or len(data) < _NAMED_BYTES:
            short += 1
            if short > _SHORT_LINES_MAX:
                raise BadPrompt("The git request has too many lines that say nothing.")
        if data is not None and len(wants) < WANTS_MAX and (match := _WANT.match(data)):
            wants[match[1].decode("utf-8", "replace")] = None
    return tuple(wants)


def plain_push_advertisement(head: bytes) -> tuple[bytes, bytes] | None:
    """Return a receive-pack advertisement's beginning for the client, and what follows it.

    ``no-thin`` is added, so that git sends packs that can be read without the repository, and what
    this gateway does not understand is taken away.

    Returns:
        None if the first ref has not arrived whole yet.

    Raises:
        ProtocolError: it is no advertisement.
    """
    start = 0
    try:
        while True:
            if len(head) < start + 4:
                return None
            end, data = _packet_at(head, start)
            if end > len(head):
                return None
            if data is not None and b"\0" in data:
                name, _, listed = data.rstrip(b"\n").partition(b"\0")
                kept = [
                    word
                    for word in listed.decode("ascii", "replace").split()
                    if not word.startswith(_TAKEN_AWAY)
                ]
                line = name + b"\0" + " ".join([*kept, "no-thin"]).encode("ascii", "replace")
                return head[:start] + packet(line + b"\n"), head[end:]
            start = end
    except BadPrompt:
        raise ProtocolError("the upstream's answer is no list of refs") from None


def refused_push(push: Push, reasons: Sequence[str], message: str) -> tuple[bytes, bytes] | None:
    """Return content type and body that tell git that no ref was updated, and why.

    Args:
        push: what was asked for.
        reasons: for each command, one line; git prints it behind ``[remote rejected]``.
        message: what the person reads behind ``remote:``; may have several lines.

    Returns:
        None if the client can read no report; only an HTTP status tells it anything then.
    """
    if not push.capabilities & {"report-status", "report-status-v2"}:
        return None
    lines = [packet(b"unpack ok\n")]
    for command, reason in zip(push.commands, reasons, strict=True):
        lines.append(packet(f"ng {command.ref} {_one_line(reason)}\n".encode()))
    report = b"".join([*lines, FLUSH])
    side_band = next((name for name in _SIDE_BAND_DATA if name in push.capabilities), None)
    if side_band is not None:
        most = _SIDE_BAND_DATA[side_band]
        told = "".join(f"{line}\n" for line in message.splitlines()).encode()
        report = b"".join([*_banded(2, told, most), *_banded(1, report, most), FLUSH])
    return b"application/x-git-receive-pack-result", report


def refused_fetch(message: str, service: str, *, advertised: bool) -> tuple[bytes, bytes]:
    """Return content type and body that make git print ``remote error: <message>``."""
    error = packet(f"ERR {_one_line(message)}\n".encode())
    if advertised:
        kind = f"application/x-{service}-advertisement"
        return kind.encode(), packet(f"# service={service}\n".encode()) + FLUSH + error
    return f"application/x-{service}-result".encode(), error


def _banded(band: int, data: bytes, most: int) -> list[bytes]:
    pieces = [data[start : start + most] for start in range(0, len(data), most)]
    return [packet(bytes([band]) + piece) for piece in pieces]


def _one_line(text: str) -> str:
    return " ".join(text.split())


class PushReport:
    """Read the upstream's report of a push as it passes: which refs it updated.

    Never raises: what cannot be read tells nothing.
    """

    _BYTES_MAX: Final = 1024 * 1024

    def __init__(self, push: Push) -> None:
        self._banded = bool(push.capabilities & _SIDE_BAND_DATA.keys())
        self._received = b""
        self._too_long = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the answer."""
        if len(self._received) + len(piece) > self._BYTES_MAX:
            self._too_long = True
        else:
            self._received += piece

    def results(self) -> dict[str, str]:
        """Return ``ok`` or ``refused`` for each ref that the report names."""
        if self._too_long:
            return {}
        try:
            report = self._received
            if self._banded:
                lines = [line.data for line in packets(report) if line.data]
                report = b"".join([line[1:] for line in lines if line[:1] == b"\1"])
            found: dict[str, str] = {}
            for data, _ in packets(report):
                word, _, rest = (data or b"").rstrip(b"\n").partition(b" ")
                if word in {b"ok", b"ng"}:
                    ref = rest.split(b" ", 1)[0].decode("utf-8", "replace")
                    found[ref] = "ok" if word == b"ok" else "refused"
        except BadPrompt:
            return {}
        return found
