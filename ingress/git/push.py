"""Learn what a push does: for each ref, what changes about it and which files."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from ingress.exchange import RefUpdate
from ingress.git.spool import Spool
from ingress.git.upstream import NotKnown, UpstreamObjects
from ingress.protocol.changes import TooManyChanges, TreeDiff, parents_of, tagged, tree_of
from ingress.protocol.git import Command, Push
from ingress.protocol.pack import COMMIT, TAG, Pack, PackTooLarge, read_pack

# Commits of a push that are walked back to where its branch began.
_COMMITS_MAX: Final = 50_000
# A tag may name a tag; more than a few in a row is no push of a person.
_TAGS_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Changes:
    """What one ref update does; ``paths`` None: which files it changes is not known."""

    update: RefUpdate
    paths: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class PushRead:
    """What each command of a push does, in order; ``pack`` is None if it is over a limit."""

    changes: list[Changes]
    pack: Pack | None


async def read_push(push: Push, body: Spool, upstream: UpstreamObjects) -> PushRead:
    """Return what a push does.

    Raises:
        BadPrompt: the pack is damaged, or no pack; nothing of it may go on.
    """
    if not push.has_pack:
        pack: Pack | None = Pack(push.object_format)
    else:
        # Beside the traffic: a large pack takes seconds.
        pack = await asyncio.to_thread(_read_pack, push, body)
    walk = _Walk(pack, upstream) if pack is not None and not pack.unnamed_count else None
    return PushRead([await _changes(command, walk) for command in push.commands], pack)


def _read_pack(push: Push, body: Spool) -> Pack | None:
    with body.view() as view, view[push.pack_start :] as data:
        try:
            return read_pack(data, push.object_format)
        except PackTooLarge:
            return None


async def _changes(command: Command, walk: "_Walk | None") -> Changes:
    update = RefUpdate(command.ref, command.change, command.old_id, command.new_id)
    if command.change == "deleted":
        return Changes(update, frozenset())
    if walk is None:
        return Changes(replace(update, change=_forced_at_worst(command)), None)
    old, new = bytes.fromhex(command.old_id), bytes.fromhex(command.new_id)
    if command.change == "created":
        return Changes(update, await walk.paths_of_new(new))
    forced = await walk.is_forced(old, new)
    change = "updated" if forced is False else _forced_at_worst(command)
    return Changes(replace(update, change=change), await walk.paths_between(old, new))


def _forced_at_worst(command: Command) -> str:
    """Return the change of a push whose history cannot be read: a rule must not be passed by."""
    return "forced" if command.change == "updated" else command.change


class _Walk:
    """Walks over the commits and trees of a push, and of what it builds on."""

    def __init__(self, pack: Pack, upstream: UpstreamObjects) -> None:
        self._pack = pack
        self._upstream = upstream
        # What the upstream is asked for joins the pack's objects; this stays what was pushed.
        self._pushed = frozenset(pack.objects)

    async def paths_of_new(self, new: bytes) -> frozenset[str] | None:
        """Return what a new ref changes beside the commit that its pushed history begins on."""
        try:
            tip = identifier = await self._peeled(new)
        except NotKnown:
            return None
        for _ in range(_COMMITS_MAX):
            if identifier not in self._pushed:
                return (
                    frozenset() if identifier == tip else await self.paths_between(identifier, tip)
                )
            parents = parents_of(self._pack.objects[identifier].data)
            if not parents:
                return await self.paths_between(None, tip)
            identifier = parents[0]
        return None

    async def paths_between(self, old: bytes | None, new: bytes) -> frozenset[str] | None:
        """Return the files that differ between two commits; None if not all can be told."""
        try:
            before = None if old is None else await self._tree(old)
            diff = TreeDiff(before, await self._tree(new))
            while missing := diff.advance(self._pack.objects):
                await self._upstream.fetch(self._pack, missing)
        except (NotKnown, TooManyChanges):
            return None
        return frozenset(diff.paths)

    async def is_forced(self, old: bytes, new: bytes) -> bool | None:
        """Say whether the old commit is lost by the update; None if that cannot be told."""
        try:
            edges = self._edges(new)
            if edges is None:
                return None
            if old in edges:
                return False
            return not await self._upstream.reaches(edges, old)
        except NotKnown:
            return None

    def _edges(self, new: bytes) -> set[bytes] | None:
        """Return the commits outside the push that its history stands on."""
        edges: set[bytes] = set()
        seen: set[bytes] = set()
        waiting = [new]
        while waiting:
            identifier = waiting.pop()
            if identifier in seen:
                continue
            seen.add(identifier)
            if identifier not in self._pushed:
                edges.add(identifier)
                continue
            if len(seen) > _COMMITS_MAX:
                return None
            found = self._pack.objects[identifier]
            waiting += [tagged(found.data)] if found.kind == TAG else parents_of(found.data)
        return edges

    async def _tree(self, identifier: bytes) -> bytes:
        return tree_of(self._pack.objects[await self._peeled(identifier)].data)

    async def _peeled(self, identifier: bytes) -> bytes:
        """Follow annotated tags to a commit and return its id."""
        for _ in range(_TAGS_MAX):
            found = self._pack.objects.get(identifier)
            if found is None:
                await self._upstream.fetch(self._pack, {identifier})
            elif found.kind == TAG:
                identifier = tagged(found.data)
            elif found.kind == COMMIT:
                return identifier
            else:
                break
        raise NotKnown
