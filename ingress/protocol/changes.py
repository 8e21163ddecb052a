"""Tell which files a ref update changes, from commits and trees by their ids. Pure.

Works on what is there and names what is missing, so that a caller can fetch it and go on.

Source: git's gitformat-pack and git-mktree for the objects' own forms.
"""

import re
from collections.abc import Mapping
from typing import Final

from ingress.errors import BadPrompt
from ingress.protocol.pack import TREE, PackedObject

# Trees may be nested so that a small pack names a huge number of files; this many are named.
PATHS_MAX: Final = 100_000
_PAIRS_MAX: Final = 500_000
_TREE_MODE: Final = b"40000"
_PATH_BYTES_MAX: Final = 4096
_TREE_LINE: Final = re.compile(rb"tree ([0-9a-f]{40,64})\n")
_PARENT_LINE: Final = re.compile(rb"parent ([0-9a-f]{40,64})\n")
_TAG_OBJECT: Final = re.compile(rb"object ([0-9a-f]{40,64})\n")

Objects = Mapping[bytes, PackedObject]


class TooManyChanges(Exception):
    """More files are changed than can be named; which ones counts as not known."""


def tree_of(commit: bytes) -> bytes:
    """Return the id of a commit's tree.

    Raises:
        BadPrompt: it is no commit.
    """
    match = _TREE_LINE.match(commit)
    if match is None:
        raise BadPrompt("The pack has a commit that git would not take.")
    return bytes.fromhex(match[1].decode())


def parents_of(commit: bytes) -> list[bytes]:
    """Return the ids of a commit's parents, in order."""
    head = commit.partition(b"\n\n")[0] + b"\n"
    return [bytes.fromhex(match[1].decode()) for match in _PARENT_LINE.finditer(head)]


def tagged(tag: bytes) -> bytes:
    """Return the id of what an annotated tag names.

    Raises:
        BadPrompt: it is no tag.
    """
    match = _TAG_OBJECT.match(tag)
    if match is None:
        raise BadPrompt("The pack has a tag that git would not take.")
    return bytes.fromhex(match[1].decode())


class TreeDiff:
    """The files that differ between two trees, found level by level."""

    def __init__(self, old: bytes | None, new: bytes | None) -> None:
        self.paths: set[str] = set()
        self._pending: list[tuple[bytes | None, bytes | None, bytes]] = [(old, new, b"")]
        self._pair_count = 0

    def advance(self, objects: Objects) -> set[bytes]:
        """Compare what is there; return the ids of trees that are needed to go on.

        Raises:
            TooManyChanges: the difference has too many files.
            BadPrompt: a tree cannot be read.
        """
        missing: set[bytes] = set()
        waiting: list[tuple[bytes | None, bytes | None, bytes]] = []
        while self._pending:
            old, new, prefix = pair = self._pending.pop()
            if old == new:
                continue
            absent = {each for each in (old, new) if each is not None and each not in objects}
            if absent:
                missing |= absent
                waiting.append(pair)
                continue
            self._pair_count += 1
            if self._pair_count > _PAIRS_MAX or len(self.paths) > PATHS_MAX:
                raise TooManyChanges
            self._compare(_entries(objects, old), _entries(objects, new), prefix)
        self._pending = waiting
        return missing

    def _compare(
        self,
        old: dict[bytes, tuple[bytes, bytes]],
        new: dict[bytes, tuple[bytes, bytes]],
        prefix: bytes,
    ) -> None:
        for name in old.keys() | new.keys():
            before, after = old.get(name), new.get(name)
            if before == after:
                continue
            path = prefix + name
            if len(path) > _PATH_BYTES_MAX:
                raise TooManyChanges
            trees = [
                side[1] if side and side[0] == _TREE_MODE else None for side in (before, after)
            ]
            if any(trees):
                self._pending.append((trees[0], trees[1], path + b"/"))
            if any(side and side[0] != _TREE_MODE for side in (before, after)):
                self.paths.add(path.decode("utf-8", "replace"))


def _entries(objects: Objects, identifier: bytes | None) -> dict[bytes, tuple[bytes, bytes]]:
    """Return name -> (mode, id) of a tree.

    Raises:
        BadPrompt: it is no tree.
    """
    if identifier is None:
        return {}
    found = objects[identifier]
    if found.kind != TREE:
        raise BadPrompt("The pack names something else where a tree belongs.")
    data, at, id_bytes = found.data, 0, len(identifier)
    entries: dict[bytes, tuple[bytes, bytes]] = {}
    while at < len(data):
        space = data.find(b" ", at)
        end = data.find(b"\0", space)
        name = data[space + 1 : end]
        identified = data[end + 1 : end + 1 + id_bytes]
        if space < 0 or end < 0 or not name or b"/" in name or len(identified) != id_bytes:
            raise BadPrompt("The pack has a tree that git would not take.")
        if name in entries:
            raise BadPrompt("The pack has a tree that names a file twice.")
        entries[name] = (data[at:space], identified)
        at = end + 1 + id_bytes
    return entries
