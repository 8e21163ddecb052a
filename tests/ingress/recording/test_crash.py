"""Kill -9 at random moments: every append that had resolved is found by the successor."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from journal_tools import assert_chain_holds, event_ids

from ingress.recording.recovery import adopt

KILLS = 10
ROOT = Path(__file__).resolve().parents[3]


def test_no_resolved_append_is_lost_to_kill_9(tmp_path):
    chance = random.Random(20261120)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for kill in range(KILLS):
        writer = f"w{kill}"
        with subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests" / "support" / "hammer_journal.py"),
                str(tmp_path),
                writer,
            ],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.12))
            process.kill()
            lines = (first + process.stdout.read()).decode().split("\n")[:-1]

        (orphan,) = adopt(tmp_path, "successor")
        messages = [data for kind, data in orphan.messages() if kind == "event"]
        found = set(event_ids(messages))
        chunks = {chunk for interaction in orphan.open_interactions for chunk in interaction.chunks}
        ended = {name[1:] for name in found if name.startswith("x")}
        for line in lines:
            if line.startswith("c"):
                assert line[1:] in ended or f"chunk {line[1:]}".encode() in chunks
            else:
                assert f"e{line}" in found
        assert orphan.damage == ()
        assert not orphan.closed
        assert_chain_holds(messages)
        orphan.lock.remove_directory()
