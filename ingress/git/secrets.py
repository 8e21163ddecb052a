"""Search the new files of a push for secrets, within bounds, so that policy can refuse them.

Nothing is masked: an object is named by its hash. A finding names the rule and the blob; what could
not be searched makes ``findings`` unknown, and a rule that asks for them refuses the push.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ingress.exchange import Located
from ingress.git.spool import Spool
from ingress.masking.errors import MaskingError
from ingress.protocol.git import Push
from ingress.protocol.pack import BLOB, Entry, Pack, read_blob

# Largest file that is searched, and most bytes of one push: the search runs beside the traffic.
_BLOB_BYTES_MAX: Final = 1024 * 1024
_SEARCHED_BYTES_MAX: Final = 32 * 1024 * 1024
# Findings that a record names.
_FINDINGS_MAX: Final = 200
# Git takes a file for binary if a NUL stands among its first bytes.
_BINARY_BYTES: Final = 8000


async def search_push(
    push: Push, body: Spool, pack: Pack | None, search: Callable[[str, str], list[Located]]
) -> tuple[list[Located], bool]:
    """Return the secrets in the files that a push brings, and whether all of them were searched.

    Args:
        push: what stands before the pack.
        body: the whole request.
        pack: as it was read, None if it was not read whole.
        search: returns what is in a text; its second argument is the place that findings name.
    """
    if pack is None or pack.unnamed_count:
        return [], False
    found: list[Located] = []
    searched, whole = 0, True
    # Kept for the deltas on them; within the bound on what is searched.
    files: dict[int, bytes] = {}
    for start, blob in pack.blobs.items():
        if blob.base is None:
            file = _read(push, body, blob, files)
        else:
            # A delta may be made of a million small orders.
            file = await asyncio.to_thread(_read, push, body, blob, files)
        searched += len(file or b"")
        if file is None or searched > _SEARCHED_BYTES_MAX or len(found) >= _FINDINGS_MAX:
            whole = False
            continue
        files[start] = file
        if b"\0" in file[:_BINARY_BYTES]:
            continue
        try:
            place = f"blob {pack.object_id(BLOB, file).hex()}"
            found += search(file.decode("utf-8", "replace"), place)
        except MaskingError:
            whole = False
        # The masker belongs to the event loop: others get their turn between two files.
        await asyncio.sleep(0)
    return found[:_FINDINGS_MAX], whole


def _read(push: Push, body: Spool, blob: Entry, files: Mapping[int, bytes]) -> bytes | None:
    with body.view() as view, view[push.pack_start :] as data:
        return read_blob(data, blob, files, _BLOB_BYTES_MAX)
