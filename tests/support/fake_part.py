"""A tiny part for the supervisor's tests: ``fake_part.py NOTES NAME [how]``.

It writes when it starts and stops to NOTES, says that it is ready, and waits for SIGTERM. How:
``dies`` ends at once with 2 and a last word; ``silent`` never says ready; ``once`` crashes at its
first start and stays at the next; ``stubborn`` ignores SIGTERM; ``slow`` takes 0.4 s to stop.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

notes, name, *how = sys.argv[1:]


def note(what: str) -> None:
    with Path(notes).open("a") as file:
        file.write(f"{what} {name} {os.getpid()}\n")


note("start")
if "dies" in how:
    sys.stderr.write("fake: the disk is not there; plug it in\n")
    sys.exit(2)


def stop(*_: object) -> None:
    if "slow" in how:
        time.sleep(0.4)
    note("stop")
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in how else stop)
if "silent" not in how:
    sys.stdout.write("a line that is no JSON\n" + json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()
    note("ready")
if "once" in how:
    first = Path(notes).read_text().count(f"start {name} ") == 1
    if first:
        time.sleep(0.2)
        os._exit(7)
while True:
    time.sleep(30)
