"""Ask a git server for single objects that a push builds on, of the gateway's own accord."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from ingress.errors import BadPrompt, CredentialError, UpstreamError
from ingress.protocol.changes import parents_of
from ingress.protocol.git import DELIMITER, FLUSH, UPLOAD_PACK, packet, packets
from ingress.protocol.pack import COMMIT, Pack, PackLimits, PackTooLarge, read_pack
from ingress.upstream.client import UpstreamResponse
from ingress.upstream.custody import Outgoing

_HEADERS: Final = (
    (b"content-type", b"application/x-git-upload-pack-request"),
    (b"git-protocol", b"version=2"),
    (b"user-agent", b"git/2.39.0 (tailnumber)"),
    (b"accept-encoding", b"identity"),
)
# Requests for objects while one push is looked at: trees are asked for level by level.
_ROUNDS_MAX: Final = 64
_ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
_LIMITS: Final = PackLimits(
    objects=50_000,
    inflated_bytes=64 * 1024 * 1024,
    kept_bytes=64 * 1024 * 1024,
    object_bytes=8 * 1024 * 1024,
)


class NotKnown(Exception):
    """The upstream has no such object, or does not tell."""


class UpstreamObjects:
    """Objects of one repository that a push builds on, asked for as they are needed."""

    def __init__(
        self,
        send: Callable[[Outgoing], Awaitable[UpstreamResponse]],
        repository_path: str,
        hashed: str,
    ) -> None:
        """Prepare to ask.

        Args:
            send: sends a request to the repository's server, credential included.
            repository_path: path of the repository as the client named it, ``/owner/repo.git``.
            hashed: hash that names objects, ``sha1`` or ``sha256``.
        """
        self._send = send
        self._path = repository_path
        self._hash = hashed
        self._rounds = 0

    async def fetch(self, pack: Pack, wanted: Iterable[bytes]) -> None:
        """Add the wanted objects to ``pack``: each commit or tree alone, nothing below it.

        Raises:
            NotKnown: one of them could not be had.
        """
        missing = set(wanted)
        while missing:
            before = len(missing)
            # A server leaves out what it reaches from another wanted object: ask again for those.
            got = await self._ask(sorted(missing))
            pack.objects.update(got.objects)
            missing -= pack.objects.keys()
            if len(missing) == before:
                raise NotKnown

    async def reaches(self, commits: set[bytes], old: bytes) -> bool:
        """Say whether ``old`` is one of the commits' ancestors.

        The server sends the commits that it reaches from ``commits`` and not from ``old``: if they
        stand on ``old``, one of them has it as its parent.

        Raises:
            NotKnown: the server does not tell.
        """
        if not commits:
            return False
        between = await self._ask(sorted(commits), [old])
        return any(
            old in parents_of(each.data) for each in between.objects.values() if each.kind == COMMIT
        )

    async def _ask(self, wanted: list[bytes], haves: Sequence[bytes] = ()) -> Pack:
        self._rounds += 1
        if self._rounds > _ROUNDS_MAX:
            raise NotKnown
        lines = [
            packet(b"command=fetch\n"),
            packet(f"object-format={self._hash}\n".encode()),
            DELIMITER,
            packet(b"no-progress\n"),
            packet(b"filter tree:0\n"),
            *(packet(f"want {each.hex()}\n".encode()) for each in wanted),
            *(packet(f"have {each.hex()}\n".encode()) for each in haves),
            packet(b"done\n"),
            FLUSH,
        ]
        target = f"{self._path}/{UPLOAD_PACK}".encode()
        try:
            async with await self._send(
                Outgoing("POST", target, _HEADERS, b"".join(lines))
            ) as response:
                if response.status != 200:
                    raise NotKnown
                return _pack_of(await response.read(_ANSWER_BYTES_MAX), self._hash)
        except (CredentialError, UpstreamError, BadPrompt, PackTooLarge) as error:
            raise NotKnown from error


def _pack_of(answer: bytes, hashed: str) -> Pack:
    """Return the pack of a fetch's answer.

    Raises:
        BadPrompt: there is none.
        PackTooLarge: it is larger than what was asked for may be.
    """
    data = b"".join(
        [line.data[1:] for line in packets(answer) if line.data and line.data[:1] == b"\1"]
    )
    return read_pack(memoryview(data), hashed, _LIMITS)
