"""A new policy file comes into force recorded and whole; a broken one changes nothing and says so."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from faulty_files import FaultyFiles
from journal_tools import eventually
from recordings import Recording
from running_gateway import RULES, RunningGateway

from ingress.app import read_policy
from ingress.identity.issuers import read_issuers
from ingress.masking.rules import load_rules
from ingress.reloading import IssuersReloader, PolicyReloader
from ingress.settings import SettingsError
from schemas.issuers import IssuersChanged
from schemas.policy import PolicyChanged

FIRST = "version: 1\nrules:\n  - {id: everyone, effect: allow}\n"
SECOND = "version: 1\nrules:\n  - {id: nobody, effect: deny}\n"
CANARY = "canary-7c1f"


class Watched:
    """A reloader over a real journal, a policy file and a gateway that only has rules."""

    def __init__(self, root: Path, files: FaultyFiles | None = None) -> None:
        self.path = root / "policy.yaml"
        self.path.write_text(FIRST)
        self.recording = Recording(root, files)
        self.gateway = SimpleNamespace(rules=self.build(read_policy(self.path)))
        self.told: list[tuple[str, ...]] = []
        self.reloader = PolicyReloader(
            self.path,
            read_policy,
            lambda policy: self.build(policy),  # noqa: PLW0108  (tests replace `build`)
            self.gateway,
            self.recording.recorder,
            self.told.append,
        )

    def build(self, policy):
        return SimpleNamespace(policy=policy)

    @property
    def rule(self):
        return self.gateway.rules.policy.document.rules[0].id

    async def settle(self):
        for _ in range(3):
            await self.reloader.look()


def watched(root, scenario, files=None, kind=Watched):
    async def run():
        one = kind(root, files)
        try:
            await one.settle()
            return await scenario(one)
        finally:
            await one.recording.journal.close()
            one.recording.reading.close()

    return asyncio.run(run())


def test_a_new_policy_is_recorded_and_then_decides(tmp_path):
    async def scenario(one):
        before = one.recording.events()
        one.path.write_text(SECOND)
        await one.settle()
        return before, one.recording.events(), one.rule, one.reloader.problems

    before, (event,), rule, problems = watched(tmp_path, scenario)
    assert before == []
    assert (rule, problems) == ("nobody", ())
    assert isinstance(event, PolicyChanged)
    assert (event.rules_added, event.rules_removed) == (("nobody",), ("everyone",))
    assert event.previous_policy_digest != event.policy_digest


def test_a_touched_file_is_no_change(tmp_path):
    async def scenario(one):
        os.utime(one.path, (1, 1))
        await one.settle()
        return one.recording.events()

    assert watched(tmp_path, scenario) == []


def test_a_file_that_is_still_being_written_is_not_read(tmp_path):
    async def scenario(one):
        for cut in range(20, len(SECOND)):
            one.path.write_text(SECOND[:cut])
            await one.reloader.look()
        return one.rule, one.reloader.problems

    assert watched(tmp_path, scenario) == ("everyone", ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "version: 1\nrules:\n  - {id: a, effect: " + CANARY + "}\n",
            "policy.yaml:3:21: … is not one of allow",
        ),
        (f"version: 1\nrules: []\n{CANARY}: 1\n", "policy.yaml:3:1: unknown key …"),
        (
            "version: 1\nrules:\n  - {id: a, effect: deny, when: \"'" + CANARY + ' == model"}\n',
            "condition: it does not compile",
        ),
        ("version: 1\nrules:\n  - {id: a, effect: deny, when: " + CANARY + "}\n", "condition: it"),
        (f"version: 1\nrules: [*{CANARY}]\n", "policy.yaml:2:9: aliases are not supported"),
        (f"{CANARY}: [\n", "policy.yaml:2:1: not YAML"),
        (None, "policy.yaml:1:1: cannot be read: FileNotFoundError"),
    ],
)
def test_a_broken_file_keeps_the_old_policy_and_is_told_by_place_alone(tmp_path, text, problem):
    async def scenario(one):
        one.path.unlink() if text is None else one.path.write_text(text)
        await one.settle()
        broken = one.rule, one.reloader.problems
        one.path.write_text(FIRST)
        await one.settle()
        return broken, one.reloader.problems, one.recording.events(), one.told

    (rule, problems), mended, events, told = watched(tmp_path, scenario)
    assert rule == "everyone"
    assert problem in problems[0]
    assert CANARY not in "".join(problems)
    assert (mended, events) == ((), [])
    assert told[-1] == ()
    assert problems in told


def test_rules_of_masking_that_are_refused_keep_the_old_policy(tmp_path):
    async def scenario(one):
        def build(policy):
            try:
                load_rules("[[rules]]\nregex='x'\n", "own.toml")
            except ValueError as error:
                raise SettingsError(CANARY) from error

        one.build = build
        one.path.write_text(SECOND)
        await one.settle()
        return one.rule, one.reloader.problems

    assert watched(tmp_path, scenario) == ("everyone", ("own.toml:1:1: rule_refused",))


def test_a_policy_that_cannot_be_recorded_waits_and_is_recorded_as_one_event(tmp_path):
    files = FaultyFiles()

    async def scenario(one):
        one.path.write_text(SECOND)
        files.hung.clear()
        await one.settle()
        waiting = one.rule, one.reloader.problems
        files.hung.set()
        await eventually(lambda: one.recording.journal.healthy)
        await one.settle()
        return waiting, one.rule, one.reloader.problems, one.recording.events()

    (rule, problems), after, mended, events = watched(tmp_path, scenario, files)
    assert rule == "everyone"
    assert problems[0].startswith("policy.yaml: cannot be recorded yet: ")
    assert (after, mended) == ("nobody", ())
    assert len({(event.event_id, event.occurred_at) for event in events}) == 1


def test_a_file_that_changes_under_the_reading_is_read_again(tmp_path):
    async def scenario(one):
        plain = one.build

        def build(policy):
            one.build = plain
            one.path.write_text(SECOND.replace("nobody", "no-one-at-all"))
            return plain(policy)

        one.build = build
        one.path.write_text(SECOND)
        await one.settle()
        await one.settle()
        return one.rule, [event.rules_added for event in one.recording.events()]

    assert watched(tmp_path, scenario) == ("no-one-at-all", [("no-one-at-all",)])


def test_building_stops_no_request(tmp_path):
    async def scenario(one):
        def slowly(policy):
            time.sleep(0.3)
            return SimpleNamespace(policy=policy)

        one.build = slowly
        one.path.write_text(SECOND)
        await one.reloader.look()
        loading = asyncio.ensure_future(one.reloader.look())
        longest, last = 0.0, time.monotonic()
        while not loading.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        await loading
        return longest, one.rule

    longest, rule = watched(tmp_path, scenario)
    assert rule == "nobody"
    assert longest < 0.2


def test_a_fault_of_the_watch_itself_is_told_and_the_watch_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("ingress.reloading.POLL_SECONDS", 0.005)

    async def scenario(one):
        async def fail():
            raise RecursionError(CANARY)

        look, one.reloader.look = one.reloader.look, fail
        watch = asyncio.ensure_future(one.reloader.watch())
        await eventually(lambda: one.reloader.problems == ("policy.yaml: RecursionError",))
        one.reloader.look = look
        one.path.write_text(SECOND)
        await eventually(lambda: one.rule == "nobody")
        watch.cancel()
        await asyncio.wait([watch])
        return one.reloader.problems

    assert watched(tmp_path, scenario) == ()


# ---- issuers ----

ISSUERS = """\
version: 1
issuers:
  - {issuer: "https://id.example", profile: generic, audiences: [a]}
"""


class WatchedIssuers:
    """A reloader of an issuers file over a real journal, and what it told to be trusted."""

    def __init__(self, root: Path, files: FaultyFiles | None = None) -> None:
        self.path = root / "issuers.yaml"
        self.path.write_text(ISSUERS)
        self.issuers = read_issuers(self.path)
        self.trusted: list[list[str]] = []
        self.told: list[tuple[str, ...]] = []
        self.recording = Recording(root, files)
        self.reloader = IssuersReloader(self.path, self, self.recording.recorder, self.told.append)

    def trust(self, issuers):
        self.issuers = issuers
        self.trusted.append([issuer.issuer for issuer in issuers])

    async def settle(self):
        for _ in range(3):
            await self.reloader.look()


def test_new_issuers_are_recorded_and_then_trusted(tmp_path):
    async def scenario(one):
        assert one.recording.events() == []
        one.path.write_text(ISSUERS.replace("id.example", "sso.example"))
        await one.settle()
        os.utime(one.path, (1, 1))
        await one.settle()
        one.path.write_text(ISSUERS.replace("id.example", "sso.example").replace("[a]", "[b]"))
        await one.settle()
        return one.trusted, one.recording.events()

    trusted, (replaced, changed) = watched(tmp_path, scenario, kind=WatchedIssuers)
    assert trusted == [["https://sso.example"]] * 2
    assert isinstance(replaced, IssuersChanged)
    assert (replaced.issuers_added, replaced.issuers_removed, replaced.issuers_changed) == (
        ("https://sso.example",),
        ("https://id.example",),
        (),
    )
    assert changed.issuers_changed == ("https://sso.example",)


def test_issuers_that_cannot_be_recorded_are_not_trusted_yet(tmp_path):
    files = FaultyFiles()

    async def scenario(one):
        one.path.write_text(ISSUERS.replace("id.example", "sso.example"))
        files.hung.clear()
        await one.settle()
        waiting = list(one.trusted), one.reloader.problems
        files.hung.set()
        await eventually(lambda: one.recording.journal.healthy)
        await one.settle()
        return waiting, one.trusted, one.reloader.problems

    (before, problems), after, mended = watched(tmp_path, scenario, files, kind=WatchedIssuers)
    assert before == []
    assert problems[0].startswith("issuers.yaml: cannot be recorded yet: ")
    assert (after, mended) == ([["https://sso.example"]], ())


def test_broken_issuers_file_keeps_the_old_ones_and_is_told_by_place_alone(tmp_path):
    async def scenario(one):
        one.path.write_text(ISSUERS + f"  - {{issuer: {CANARY}, profile: {CANARY}}}\n")
        await one.settle()
        broken = one.reloader.problems
        one.path.write_text(ISSUERS)
        await one.settle()
        return broken, one.trusted, one.reloader.problems, one.told[-1]

    broken, trusted, problems, told = watched(tmp_path, scenario, kind=WatchedIssuers)
    assert broken[0] == "issuers.yaml:4:5: key … is missing"
    assert CANARY not in "".join(broken)
    assert (trusted, problems, told) == ([], (), ())


# ---- a whole gateway ----


@pytest.fixture(scope="module")
def own(upstream, tmp_path_factory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("reloading"), upstream.port) as running:
        yield running


def readyz(gateway):
    return gateway.ask(None, "/readyz", method="GET", key="")


def wait_for(fact, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_a_running_gateway_decides_and_masks_by_its_new_policy(own):
    file, rules = own.settings.policy_file, own.settings.policy_file.parent / "tiny.toml"
    before = readyz(own).json["policy_digest"]
    assert own.chat("hi", session="before").status == 200

    rules.write_text(RULES.replace("zk_live_", "zk_test_"))
    file.write_text(
        file.read_text().replace(
            "rules:\n", "rules:\n  - {id: closed, on: chat, effect: deny, message: Closed.}\n"
        )
    )
    wait_for(lambda: readyz(own).json["policy_digest"] != before)
    answer = own.chat("zk_test_q7Wm2Xc9Vb4Nn8Rt", session="after")

    assert answer.status == 451
    end = own.only_end("after")
    changed = [m.event for m in own.messages() if m.event.event_type == "policy.changed"]
    assert [event.rules_added for event in changed] == [("closed",)]
    assert end.policy_digest == changed[0].policy_digest == readyz(own).json["policy_digest"]
    assert changed[0].previous_policy_digest == before
    assert end.findings[0].rule_id == "test-key"


def test_a_running_gateway_with_a_broken_file_is_ready_and_says_where(own):
    file = own.settings.policy_file
    good = file.read_text()
    assert readyz(own).json["policy_error"] == []

    file.write_text(good + f"{CANARY}: {CANARY}\n")
    wait_for(lambda: readyz(own).json["policy_error"])
    answer = readyz(own)
    metrics = own.ask(None, "/metrics", method="GET", key="").body.decode()
    file.write_text(good)
    wait_for(lambda: not readyz(own).json["policy_error"])

    assert answer.status == 200
    assert answer.json["ready"] is True
    line = len(good.splitlines()) + 1
    assert answer.json["policy_error"] == [f"policy.yaml:{line}:1: unknown key …"]
    assert "ingress_policy_problem_count 1.0" in metrics
    assert CANARY not in json.dumps(answer.json) + metrics
