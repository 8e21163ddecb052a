"""Keep a request's body until it is decided on: small ones in memory, others in a private file.

The file has no name, so it is gone with the process, whatever happens to it.
"""

import mmap
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from ingress.errors import BadPrompt, BodyTooLarge, SpoolUnavailable

# Bodies up to this size stay in memory.
MEMORY_BYTES_MAX: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class Spool:
    """One body on its way: written once, then read as often as needed."""

    def __init__(self, folder: Path, limit_bytes: int, *, gzipped: bool = False) -> None:
        """Prepare an empty one.

        Args:
            folder: where the file of a large body lies; it is made if it is not there.
            limit_bytes: largest body, as it is after unpacking.
            gzipped: the pieces are one gzip stream; what is kept is what they say.
        """
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._inflater = zlib.decompressobj(_GZIP) if gzipped else None
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, piece: bytes) -> None:
        """Add a piece as it came.

        Raises:
            BodyTooLarge: the body is over the limit.
            BadPrompt: it is not the gzip stream that it claims to be.
            SpoolUnavailable: the disk does not take it.
        """
        if self._inflater is None:
            self._keep(piece)
            return
        pending = piece
        try:
            while pending:
                if self._inflater.eof:
                    raise BadPrompt("The request body has something behind its gzip stream.")
                self._keep(self._inflater.decompress(pending, _PIECE_BYTES))
                pending = self._inflater.unconsumed_tail
        except zlib.error:
            raise BadPrompt("The request body is not gzip, though it says so.") from None

    def end(self) -> None:
        """Take note that all pieces came.

        Raises:
            BadPrompt: a gzip stream was cut, or had something behind it.
        """
        inflater = self._inflater
        if inflater is not None and (not inflater.eof or inflater.unused_data):
            raise BadPrompt("The gzip stream of the request body does not end where the body does.")

    def head(self, most: int) -> bytes:
        """Return the first ``most`` bytes, or all if there are fewer."""
        with self.view() as view:
            return bytes(view[:most])

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        """Show the whole body without copying it; of a file the pages come as they are read."""
        if self._file is None:
            with memoryview(self._memory) as view:
                yield view
            return
        self._file.flush()
        with (
            mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            yield view

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces that a socket takes."""
        for start in range(0, self.size_bytes, _PIECE_BYTES):
            with self.view() as view:
                piece = bytes(view[start : start + _PIECE_BYTES])
            yield piece

    def _keep(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self._limit_bytes:
            raise BodyTooLarge(f"The request body is over {self._limit_bytes} bytes.")
        try:
            if self._file is None:
                self._memory += piece
                if len(self._memory) > MEMORY_BYTES_MAX:
                    self._folder.mkdir(mode=0o700, exist_ok=True)
                    self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (closed by __exit__)
                    self._file.write(self._memory)
                    self._memory = bytearray()
            else:
                self._file.write(piece)
        except OSError as error:
            raise SpoolUnavailable(
                "The gateway has no room for a body of this size now."
            ) from error
