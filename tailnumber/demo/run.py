"""Run the demo: start the stack, play the hour, wait for the rows, print the report."""

import shutil
import threading
import time
from datetime import UTC, datetime
from typing import Final

import httpx

from ingress.identity.keys import LocalIssuer
from tailnumber.control import key_store
from tailnumber.demo.arrivals import LOOK_SECONDS, PATIENCE_SECONDS, Arrivals
from tailnumber.demo.enrichment import write_samples
from tailnumber.demo.people import BEN, PEOPLE
from tailnumber.demo.report import print_latency, print_report
from tailnumber.demo.story import story
from tailnumber.demo.traffic import PLAY_SECONDS, Traffic
from tailnumber.errors import CheckFailed, CommandError
from tailnumber.output import say
from tailnumber.reader import open_reader
from tailnumber.stack.layout import Layout, is_locked, port_is_free
from tailnumber.stack.running import RunningStack, lines_reporter
from tailnumber.stack.welcome import next_commands
from tailnumber.trail import open_trail

# Files by which a data directory of ours is known; a folder without them is never emptied.
_OURS: Final = ("stack.lock", "control.db")


def run_demo(layout: Layout, *, port: int, leave: bool, keep: bool, own: bool) -> None:
    """Run the demo; with ``leave`` stop it when every row was seen.

    Args:
        layout: the data directory to run on.
        port: of the gateway; another free one is taken if it is in use.
        leave: end once the rows are seen.
        keep: do not empty the data directory first.
        own: the directory is the demo's own and may be emptied.

    Raises:
        CheckFailed: rows did not appear in time, or the traffic did not get through.
        CommandError: the stack cannot be started.
    """
    if own and not keep:
        _empty(layout)
    if port and not port_is_free(port):
        say(f"Port {port} is in use; the demo takes a free one.", style="yellow")
        port = 0
    write_samples(layout)
    say("Starting Tailnumber with a made-up Copilot as upstream; nothing leaves this machine.")
    with RunningStack(layout, port=port, demo=True, policy=None, reporter=lines_reporter) as stack:
        stack.start()
        if stack.stopping:
            return
        say(f"  ready in {stack.start_seconds:.1f} s", style="bold green")
        show = _Show(stack, layout)
        thread = threading.Thread(target=show.run, name="demo", daemon=True)
        thread.start()
        stack.watch(until=lambda: not thread.is_alive())
        if stack.stopping:
            return
        if show.failure is not None:
            raise show.failure
        if leave:
            return
        _what_next(stack, layout)
        stack.watch()


class _Show:
    """The part of the demo that runs beside the supervisor: traffic, waiting, report."""

    def __init__(self, stack: RunningStack, layout: Layout) -> None:
        self.failure: CommandError | None = None
        self._stack = stack
        self._layout = layout

    def run(self) -> None:
        """Play and report; keeps the failure for the thread that supervises."""
        try:
            self._run()
        except CommandError as error:
            self.failure = error
        except (httpx.HTTPError, ExceptionGroup) as error:
            kind = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self.failure = CheckFailed(
                f"The demo's traffic did not get through ({type(kind).__name__}); "
                f"see the logs in {self._layout.logs}"
            )

    def _run(self) -> None:
        since = datetime.now(UTC)
        with key_store(self._layout) as store:
            issuer = LocalIssuer(store)
            keys = {
                person.user: issuer.mint(
                    person.user,
                    now=since,
                    email=person.email,
                    groups=person.groups,
                    device_name=person.device,
                )[1]
                for person in PEOPLE
            }
        traffic = Traffic(self._stack.machine.gateway, keys, story())
        say()
        say(
            f"Six people work for an hour, played in {PLAY_SECONDS:.0f} seconds: "
            "inline completions, chats, an agent, a leaked key, and some who may not."
        )
        with (
            open_trail(self._stack.machine.endpoints({})) as trail,
            open_reader(self._layout) as reader,
        ):
            arrivals = Arrivals(trail, since)
            self._play(traffic, arrivals)
            say(f"  {len(traffic.sent)} requests sent, and each found as a row in BigQuery.")
            say()
            print_report(trail, reader, since, traffic.session_of(BEN))
            say()
            print_latency(arrivals.delays(traffic.sent))

    def _play(self, traffic: Traffic, arrivals: Arrivals) -> None:
        """Send everything and watch the rows come at the same time."""
        failed: list[BaseException] = []

        def play() -> None:
            try:
                traffic.play()
            except (httpx.HTTPError, ExceptionGroup) as error:
                failed.append(error)

        player = threading.Thread(target=play, name="traffic", daemon=True)
        player.start()
        ended_at = 0.0
        while not self._stack.stopping:
            arrivals.look()
            if failed:
                raise failed[0]
            if not player.is_alive():
                ended_at = ended_at or time.monotonic()
                missing = arrivals.missing(traffic.sent)
                if not missing:
                    return
                if time.monotonic() - ended_at > PATIENCE_SECONDS:
                    raise CheckFailed(
                        f"{missing} of {len(traffic.sent)} requests are not in BigQuery after "
                        f"{PATIENCE_SECONDS:.0f} s; see {self._layout.log_file('pipeline')}"
                    )
            time.sleep(LOOK_SECONDS)


def _empty(layout: Layout) -> None:
    """Remove what an earlier demo left."""
    if is_locked(layout.lock_file):
        raise CommandError(
            f"A demo already runs on {layout.root}; stop it with Ctrl-C, or with: "
            f"tailnumber down --data-dir {layout.root}"
        )
    if any((layout.root / name).exists() for name in _OURS):
        shutil.rmtree(layout.root)


def _what_next(stack: RunningStack, layout: Layout) -> None:
    machine = stack.machine
    say()
    say("It keeps running; go on in another terminal:", style="bold")
    for command in next_commands(layout):
        say(f"  {command}")
    say()
    say(f"  gateway   {machine.gateway}   (OpenAI clients: {machine.gateway}/v1)")
    say(f"  your key  {machine.gateway_key}")
    say(f"  BigQuery  {machine.bigquery}, project {machine.endpoints({}).project}")
    say(f"  policy    {machine.policy_file}")
    say()
    say("Stop with Ctrl-C.", style="dim")
