"""The journal against a model: any order of appends, failures, crashes, acks and recoveries.

The model is a list of what each caller was told. After every step: what was promised is on disk
or published (G1), nothing that was refused is ever recovered or published, and the chain of every
writer, put together from what left it, has no gap (G6).
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from pathlib import Path

from fake_transport import FakeTransport
from faulty_files import FaultyFiles
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from journal_tools import FAST, SMALL, assert_chain_holds, body, event_ids, eventually

from ingress.errors import AuditUnavailable
from ingress.recording.journal import Journal
from ingress.recording.publisher import Publisher
from ingress.recording.recovery import adopt

LIMITS = dataclasses.replace(SMALL, segment_bytes=700)


class JournalMachine(RuleBasedStateMachine):
    """One root directory, one living writer at a time, one broker."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.root = Path(tempfile.mkdtemp(prefix="journal-machine-"))
        self.transport = FakeTransport()
        self.number = 0
        self.lives = 0
        self.promised: dict[str, list[str]] = {}
        self.refused: set[str] = set()
        self.open: set[str] = set()
        self.releasable: dict[str, list[bytes]] = {}

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def start(self) -> None:
        self.lives += 1
        self.writer_id = f"w{self.lives}"
        self.promised[self.writer_id] = []
        self.open.clear()
        self.releasable.clear()
        self.files = FaultyFiles()

        async def begin():
            return Journal(self.root, self.writer_id, limits=LIMITS, files=self.files)

        self.journal = self.run(begin())

    async def _append(self, count: int, **options) -> None:
        ids = []
        futures = []
        for _ in range(count):
            self.number += 1
            ids.append(f"e{self.number}")
            futures.append(self.journal.append_event(body(self.number, 150), **options))
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for event_id, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, AuditUnavailable):
                self.refused.add(event_id)
            else:
                self.promised[self.writer_id].append(event_id)

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        self.run(self._append(count))

    @rule()
    def open_with_chunk(self) -> None:
        async def scenario():
            identifier = f"i{self.number}"
            before = len(self.promised[self.writer_id])
            await self._append(1, interaction_id=identifier, opens=True)
            if len(self.promised[self.writer_id]) > before:
                self.open.add(identifier)
                self.releasable[identifier] = []
                text = b"chunk of %s" % identifier.encode()
                future = self.journal.append_chunk(identifier, text)
                (outcome,) = await asyncio.gather(future, return_exceptions=True)
                if not isinstance(outcome, AuditUnavailable):
                    self.releasable[identifier].append(text)

        self.run(scenario())

    @rule()
    def close_one(self) -> None:
        if self.open:
            identifier = min(self.open)
            before = len(self.promised[self.writer_id])
            self.run(self._append(1, interaction_id=identifier, closes=True))
            if len(self.promised[self.writer_id]) > before:
                self.open.discard(identifier)

    @rule(count=st.integers(1, 3))
    def sync_fails(self, count: int) -> None:
        self.files.fail_syncs = count

    @rule(left=st.integers(0, 400))
    def disk_fills(self, left: int) -> None:
        self.files.capacity_bytes = left
        self.run(self._append(2))
        self.files.capacity_bytes = None

    @rule()
    def disk_recovers(self) -> None:
        self.files.fail_syncs = 0
        self.run(eventually(lambda: self.journal.healthy))

    @rule(fail=st.integers(0, 2), lose=st.integers(0, 2))
    def publish(self, fail: int, lose: int) -> None:
        self.transport.fail_next(fail)
        self.transport.lose_ack_next(lose)

        async def scenario():
            # A new publisher starts from what the segments still hold: duplicates, never loss.
            publisher = Publisher(self.transport, self.root, [self.journal], limits=FAST)
            publisher.start()
            assert await asyncio.to_thread(publisher.close, 5)

        self.run(scenario())

    @rule(clean=st.booleans(), torn=st.integers(0, 40))
    def end_and_recover(self, clean: bool, torn: int) -> None:
        """End the process life, tear what was never synced, adopt, publish, go on as another."""
        self.files.fail_syncs = 0 if clean else 1_000  # the mark of the end is not written either
        self.run(self.journal.close())
        directory = self.root / self.writer_id
        segments = sorted(directory.glob("*.segment"))
        if not clean and segments:
            with segments[-1].open("ab") as file:
                file.write(b"\x07\x00\x00\x00" + bytes(range(torn)))

        open_before, chunks_before = set(self.open), dict(self.releasable)
        self.start()
        for orphan in adopt(self.root, self.writer_id):
            assert orphan.damage == ()
            found = {item.interaction_id: list(item.chunks) for item in orphan.open_interactions}
            assert open_before <= set(found)
            for identifier in open_before:
                assert chunks_before[identifier] == found[identifier]
            publisher = Publisher(self.transport, self.root, [orphan], limits=FAST)
            publisher.start()
            assert publisher.close(5)
            orphan.release()
            assert orphan.is_gone

    @invariant()
    def nothing_refused_is_ever_published(self) -> None:
        assert not self.refused & set(event_ids(self.transport.data()))

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.publish_everything_and_compare()
            self.run(self.journal.close())
        self.loop.close()
        shutil.rmtree(self.root)

    def publish_everything_and_compare(self) -> None:
        self.disk_recovers()
        self.publish(0, 0)
        self.nothing_refused_is_ever_published()
        for writer_id, promised in self.promised.items():
            unique = list(dict.fromkeys(self.transport.data(writer_id)))
            assert event_ids(unique) == promised
            assert_chain_holds(unique)


JournalMachine.TestCase.settings = settings(
    derandomize=True, max_examples=20, stateful_step_count=20, deadline=None, print_blob=True
)
TestJournalMachine = JournalMachine.TestCase
