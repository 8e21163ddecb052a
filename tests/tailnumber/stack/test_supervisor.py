import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tailnumber.stack.part import PartSpec
from tailnumber.stack.supervisor import StartFailed, Supervisor

FAKE = Path(__file__).parents[2] / "support" / "fake_part.py"


class Recording:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.pauses: list[float] = []

    def starting(self, part):
        self.heard.append(("starting", part.spec.name))

    def ready(self, part):
        self.heard.append(("ready", part.spec.name))

    def crashed(self, part, pause_seconds):
        self.heard.append(("crashed", part.spec.name))
        self.pauses.append(pause_seconds)

    def stopped(self, part):
        self.heard.append(("stopped", part.spec.name))


class Bench:
    """Supervised fake parts and what they noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.touch()
        self.reporter = Recording()
        self.supervisor: Supervisor | None = None

    def part(self, name: str, *how: str, **more) -> PartSpec:
        command = (sys.executable, "-S", str(FAKE), str(self.notes), name, *how)
        return PartSpec(name, f"{name} part", command, **more)

    def supervise(self, *specs: PartSpec, **more) -> Supervisor:
        self.supervisor = Supervisor(
            specs, self.folder, self.reporter, first_pause_seconds=0.1, **more
        )
        return self.supervisor

    def noted(self, what: str) -> list[str]:
        lines = self.notes.read_text().splitlines()
        return [line.split()[1] for line in lines if line.startswith(what)]

    def pids(self) -> list[int]:
        return [int(line.split()[2]) for line in self.notes.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    if made.supervisor is not None:
        made.supervisor.stop()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def watch_until(supervisor: Supervisor, condition, seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    supervisor.watch(until=lambda: condition() or time.monotonic() > deadline)
    assert condition()


def test_part_starts_only_when_those_before_it_are_ready(bench):
    supervisor = bench.supervise(
        bench.part("second", after=("first",)), bench.part("first"), bench.part("beside")
    )

    supervisor.start()

    assert supervisor.all_ready()
    heard = bench.reporter.heard
    assert heard.index(("ready", "first")) < heard.index(("starting", "second"))


def test_preparation_runs_before_a_part_that_waits_for_it(bench):
    seen = []
    supervisor = bench.supervise(
        bench.part("first", prepare=lambda: seen.append(bench.noted("start"))),
        bench.part("second", after=("first",)),
    )

    supervisor.start()

    assert seen == [["first"]]


def test_parts_stop_in_the_order_that_was_given(bench):
    supervisor = bench.supervise(
        bench.part("first"), bench.part("second", "slow"), stop_order=("second", "first")
    )
    supervisor.start()

    supervisor.stop()

    assert bench.noted("stop") == ["second", "first"]


def test_crashed_part_is_started_again_and_said(bench):
    supervisor = bench.supervise(bench.part("flaky", "once"))
    supervisor.start()

    watch_until(supervisor, lambda: len(bench.noted("ready")) == 2)
    watch_until(supervisor, supervisor.all_ready)

    part = supervisor.parts["flaky"]
    assert (part.restart_count, part.pid is not None) == (1, True)
    assert ("crashed", "flaky") in bench.reporter.heard


def test_pause_doubles_while_a_part_keeps_crashing(bench):
    supervisor = bench.supervise(bench.part("good"))
    supervisor.start()
    part = supervisor.parts["good"]

    for _ in range(3):
        watch_until(supervisor, lambda: part.state in {"starting", "ready"} and part.pid)
        os.kill(part.pid, signal.SIGKILL)
        watch_until(supervisor, lambda: part.state == "backing off")

    assert bench.reporter.pauses == [0.1, 0.2, 0.4]
    assert part.last_exit == -signal.SIGKILL


def test_part_that_cannot_start_fails_with_its_own_last_words(bench):
    supervisor = bench.supervise(bench.part("broken", "dies"))

    with pytest.raises(StartFailed) as failure:
        supervisor.start()

    assert "broken part could not start (exit status 2)" in str(failure.value)
    assert "the disk is not there; plug it in" in str(failure.value)
    assert str(bench.folder / "broken.log") in str(failure.value)


def test_part_with_more_attempts_may_fail_at_first(bench):
    supervisor = bench.supervise(bench.part("broken", "dies", start_attempts=2))

    with pytest.raises(StartFailed):
        supervisor.start()

    assert bench.noted("start") == ["broken", "broken"]


def test_part_that_never_says_ready_fails_in_time(bench):
    supervisor = bench.supervise(bench.part("mute", "silent", ready_seconds=0.3))

    with pytest.raises(StartFailed, match="was not ready within 0 seconds"):
        supervisor.start()

    assert not any(map(alive, bench.pids()))


def test_part_that_ignores_the_signal_is_killed(bench):
    supervisor = bench.supervise(bench.part("stuck", "stubborn", stop_seconds=0.2))
    supervisor.start()
    pid = supervisor.parts["stuck"].pid

    supervisor.stop()

    assert not alive(pid)


def test_line_that_is_no_ready_line_goes_to_the_log(bench):
    supervisor = bench.supervise(bench.part("chatty"))

    supervisor.start()

    assert "a line that is no JSON" in (bench.folder / "chatty.log").read_text()


def test_every_change_is_told(bench):
    told = []
    supervisor = bench.supervise(
        bench.part("one"), on_change=lambda: told.append(supervisor.snapshot()["one"]["state"])
    )

    supervisor.start()

    assert told == ["starting", "ready"]


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to a killed parent is Linux's")
def test_no_part_outlives_a_supervisor_that_is_killed(bench):
    program = textwrap.dedent(f"""
        from pathlib import Path
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from tailnumber.stack.part import PartSpec
        from tailnumber.stack.supervisor import Supervisor
        class Quiet:
            def __getattr__(self, name):
                return lambda *_: None
        command = (sys.executable, "-S", {str(FAKE)!r}, {str(bench.notes)!r}, "kept", "stubborn")
        supervisor = Supervisor([PartSpec("kept", "kept", command)], Path({str(bench.folder)!r}), Quiet())
        supervisor.start()
        print("ready", flush=True)
        supervisor.watch()
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    (pid,) = set(bench.pids())
    assert alive(pid)

    process.kill()
    process.wait()
    process.stdout.close()

    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    survived = alive(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert not survived
