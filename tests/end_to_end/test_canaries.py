"""Push 1,000 fabricated secrets through every way in and out, then look for them everywhere.

Everywhere: what went upstream, what came back, every file of the data directory before and after
a kill -9 and after the stop, every row of every table, every sealed text opened, every metric.
"""

import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from canaries import Canary, Scanner, fabricate
from stack import Stack
from talkative_upstream import TalkativeUpstream, talkative_upstream

from schemas.tables import TABLES
from tailnumber.reader import open_reader
from tailnumber.stack.demo_answers import fabricated_aws_key
from tailnumber.stack.layout import Layout
from tailnumber.trail import open_trail

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]

SEED = 20261120
CANARY_COUNT = 1000
ANSWER_COUNT = 200
CRASH_COUNT = 20
PROMPT_TEXT = "quagga zeppelin marmalade heliotrope"
FAULTS = ("DEMO_500", "DEMO_RESET", "DEMO_BROKEN_SSE", "DEMO_NO_DONE", "DEMO_SECRET", "DEMO_429")
POLICY = """
version: 1
connections:
  copilot: {{kind: copilot, upstream: "{demo}", credential: secret/demo-copilot}}
  talkative: {{kind: openai, upstream: "{talkative}", unknown_paths: pass}}
masking: {{rules: [builtin], tier2: audit, restore: false}}
rules:
  - {{id: on-hold, when: "'on-hold' in principal.groups", effect: deny, message: "On hold."}}
  - {{id: everyone, effect: allow}}
"""


@dataclass
class Pushing:
    """Requests with canaries in them, and every byte that came back."""

    stack: Stack
    held_key: str
    canaries: list[Canary]
    used: list[Canary] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, count: int, fits: Callable[[Canary], bool] = lambda _: True) -> list[Canary]:
        """Return canaries that no other request has."""
        with self.lock:
            taken = [canary for canary in self.canaries if fits(canary)][:count]
            assert len(taken) == count, "too few canaries of this form"
            for canary in taken:
                self.canaries.remove(canary)
            self.used += taken
            return taken

    def token(self) -> str:
        """Return a canary that needs no escape anywhere."""
        return self.take(1, lambda canary: canary.is_token)[0].text

    def texts(self, count: int) -> str:
        return "\n\n".join(canary.text for canary in self.take(count))

    def send(self, path: str, method: str = "POST", key: str = "", **request: object) -> None:
        """Send one request and keep whatever comes back, errors of httpx among it."""
        headers = {
            "Authorization": f"Bearer {key or self.stack.key}",
            "X-Session-Id": "canaries",
            **request.pop("headers", {}),
        }
        address = f"{self.stack.gateway}{path}"
        timeout = request.pop("timeout", 20)
        leave_after = request.pop("leave_after", None)
        got = [b""]
        try:
            with (
                httpx.Client(timeout=timeout) as client,
                client.stream(method, address, headers=headers, **request) as answer,
            ):
                got.append(str(answer.status_code).encode())
                got.append(b"\n".join(name + b": " + value for name, value in answer.headers.raw))
                for number, piece in enumerate(answer.iter_raw()):
                    got.append(piece)
                    if number == leave_after:
                        break
        except httpx.TransportError as error:
            got.append(type(error).__name__.encode())
        with self.lock:
            # The deltas of a stream as one text too: a secret may be cut between two frames.
            whole = b"".join(got)
            self.answers += [whole, _spoken(whole)]


def _spoken(answer: bytes) -> bytes:
    """Return the texts of a stream's deltas, joined for each channel."""
    contents, arguments = [], []
    for line in answer.split(b"\n"):
        with contextlib.suppress(ValueError, KeyError, IndexError, TypeError, AttributeError):
            delta = json.loads(line.removeprefix(b"data: "))["choices"][0]
            contents.append(delta.get("text") or delta["delta"].get("content") or "")
            arguments.append(delta["delta"]["tool_calls"][0]["function"].get("arguments") or "")
    return "".join([*contents, "\n", *arguments]).encode("utf-8", "replace")


def chat(words: str, **more: object) -> dict[str, object]:
    return {"model": "gpt-4.1", "messages": [{"role": "user", "content": words}], **more}


def prompts(push: Pushing, base: str) -> Iterator[Callable[[], None]]:
    """Yield requests with secrets in every member of a prompt, for one connection."""
    for stream in (True, False):
        words = f"{PROMPT_TEXT}\n{push.texts(25)}"
        yield lambda s=stream, w=words: push.send(
            f"{base}/chat/completions", json=chat(w, stream=s)
        )
    inner = json.dumps({"note": json.dumps({"deeper": push.texts(10)})})
    history = [
        {"role": "system", "content": push.texts(5)},
        {"role": "user", "content": [{"type": "text", "text": push.texts(10)}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": push.token(),
                    "type": "function",
                    "function": {
                        "name": push.token(),
                        "arguments": inner,
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": push.texts(10)},
        {"role": "user", "content": f'<attachment filePath="{push.texts(1)}">\n</attachment>'},
    ]
    odd = {
        "user": push.texts(1),
        "metadata": {push.token(): push.texts(2)},
        "tools": [{"type": "function", "function": {"name": "f", "description": push.texts(3)}}],
    }
    yield lambda: push.send(
        f"{base}/chat/completions", json={"model": "m", "messages": history, **odd}
    )
    model = push.token()
    yield lambda: push.send(f"{base}/chat/completions", json=chat("hello") | {"model": model})
    encoded = "\n\n".join(base64.b64encode(c.text.encode()).decode() for c in push.take(15))
    yield lambda: push.send(f"{base}/chat/completions", json=chat(encoded))
    inputs = [push.texts(5), push.texts(5)]
    yield lambda: push.send(f"{base}/embeddings", json={"model": "e", "input": inputs})
    asked = {
        "model": "gpt-5",
        "instructions": push.texts(5),
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": push.texts(10)}]},
            {"type": "function_call", "call_id": "1", "name": "run", "arguments": inner},
            {"type": "function_call_output", "call_id": "1", "output": push.texts(5)},
        ],
    }
    for stream in (True, False):
        yield lambda a={**asked, "stream": stream}: push.send(f"{base}/responses", json=a)


def inline_and_messages(push: Pushing) -> Iterator[Callable[[], None]]:
    """Yield the prompts that only Copilot's connection serves."""
    inline = {
        "prompt": f"# Path: src/{push.token()}.py\n{push.texts(10)}\n",
        "suffix": push.texts(5),
        "extra": {"language": push.token()},
        "stream": True,
    }
    engine = push.token()
    yield lambda: push.send("/v1/engines/gpt-41-copilot/completions", json=inline)
    yield lambda: push.send(f"/v1/engines/{engine}/completions", json={"prompt": "x = "})
    message = {
        "model": "claude-sonnet-4",
        "max_tokens": 9,
        "system": [{"type": "text", "text": push.texts(5)}],
        "messages": [
            {"role": "user", "content": push.texts(10)},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "1", "name": "f", "input": {"a": push.texts(5)}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": push.texts(5)},
                    {"type": "text", "text": "and now?"},
                ],
            },
        ],
    }
    for stream in (True, False):
        yield lambda m={**message, "stream": stream}: push.send("/v1/messages", json=m)


def edges(push: Pushing) -> Iterator[Callable[[], None]]:
    """Yield requests with secrets in headers, paths, queries and bodies that cannot be read."""
    names = (
        "User-Agent", "X-Request-Id", "X-Session-Id", "X-Interaction-Id", "VScode-MachineId",
        "Editor-Version", "X-GitHub-Repository-Nwo", "Copilot-Language-Server-Version", "X-Other",
        "OpenAI-Intent", "Traceparent", "Referer",
    )  # fmt: skip
    for name in names:
        for base in ("", "/c/talkative"):
            value = push.take(1, lambda c: c.is_line)[0].text
            yield lambda n=name, v=value, b=base: push.send(
                f"{b}/chat/completions", json=chat("hello"), headers={n: v}
            )
    # A value that is cut where a secret stands: the part that is left is one too.
    long = "x" * 240 + " " + push.token()
    yield lambda: push.send("/models", "GET", headers={"User-Agent": long})
    for path in (
        "/none/{}",
        "/c/talkative/{}",
        "/c/none/{}",
        "/models/{}",
        "/c/talkative/a?key={}",
    ):
        token = push.token()
        target = path.format(token)
        yield lambda t=target: push.send(t, "GET")
        yield lambda t=target: push.send(t, "GET", key="bad")
    escaped = "".join(f"%{ord(c):02x}" for c in push.token())
    yield lambda: push.send(f"/none/{escaped}", "GET")
    broken = '{"messages": [{"role": "user", "content": ' + json.dumps(push.texts(5))
    yield lambda: push.send("/chat/completions", content=broken)
    yield lambda: push.send("/chat/completions", content=push.texts(5).encode() + b"\xff\xfe")
    yield lambda: push.send("/chat/completions", json=[push.texts(5)])
    yield lambda: push.send("/chat/completions", json={"messages": push.texts(3)})
    typed = {"Content-Type": "text/plain"}
    yield lambda: push.send("/c/talkative/notes", content=push.texts(5), headers=typed)
    big = push.texts(5) + " " * (17 * 1024 * 1024)
    yield lambda: push.send("/chat/completions", json=chat(big))
    packed = {"Content-Encoding": "gzip"}
    yield lambda: push.send("/chat/completions", content=push.texts(2), headers=packed)
    yield lambda: push.send("/telemetry", content=push.texts(5))


def bad_callers(push: Pushing) -> Iterator[Callable[[], None]]:
    """Yield requests whose credential is a secret, and one of a person whom policy refuses."""
    for form in ("Bearer {}", "token {}", "Basic {}", "{}"):
        token = push.token()
        if form.startswith("Basic"):
            token = base64.b64encode(f"user:{token}".encode()).decode()
        headers = {"Authorization": form.format(token)}
        yield lambda h=headers: push.send("/chat/completions", json=chat("hello"), headers=h)
    token = push.token()
    yield lambda: push.send("/models", "GET", headers={"X-Api-Key": token})
    for stream in (True, False):
        words = push.texts(10)
        yield lambda s=stream, w=words: push.send(
            "/chat/completions", key=push.held_key, json=chat(w, stream=s)
        )


def faults(push: Pushing) -> Iterator[Callable[[], None]]:
    """Yield prompts whose answer breaks, stalls, or is left by the client."""
    for fault in FAULTS:
        for stream in (True, False):
            words = f"{push.texts(5)}\n{fault}"
            yield lambda s=stream, w=words: push.send("/chat/completions", json=chat(w, stream=s))
    words = f"{push.texts(5)}\nDEMO_STALL"
    yield lambda w=words: push.send("/chat/completions", json=chat(w, stream=True), timeout=1)
    words = f"{push.texts(5)}\nDEMO_SLOW"
    yield lambda w=words: push.send("/chat/completions", json=chat(w, stream=True), leave_after=2)


def all_at_once(calls: Iterator[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()


def kill_in_mid_stream(push: Pushing) -> None:
    """End the gateway while it streams, and wait until its successor serves."""
    words = f"{push.texts(CRASH_COUNT)}\nDEMO_SLOW"
    reader = threading.Thread(
        target=push.send, args=("/chat/completions",), kwargs={"json": chat(words, stream=True)}
    )
    reader.start()
    time.sleep(1.2)
    push.stack.kill("ingress")
    reader.join()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{push.stack.gateway}/readyz").status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError("the gateway did not come back")


def recorded(stack: Stack) -> tuple[dict[str, bytes], list[str]]:
    """Return every row of every table, and every sealed text opened."""
    layout = Layout(stack.data_dir)
    rows: dict[str, bytes] = {}
    texts: list[str] = []
    with open_trail(layout.read_endpoints()) as trail, open_reader(layout) as reader:
        for table in TABLES.values():
            found = trail.ask(f"SELECT * FROM {table.id}").rows
            rows[table.id] = repr(found).encode()
            if table.name == "parts":
                texts = [
                    reader.text(row["key_id"], row["ciphertext"], row["part_id"]) or ""
                    for row in found
                ]
    return rows, texts


def wait_until_loaded(stack: Stack, seconds: float = 20) -> None:
    """Wait until the warehouse has taken all that the gateway recorded."""
    deadline = time.monotonic() + seconds
    last, same = -1, 0
    with open_trail(Layout(stack.data_dir).read_endpoints()) as trail:
        while same < 4 and time.monotonic() < deadline:
            count = trail.ask("SELECT COUNT(*) AS n FROM audit.events_v1").rows[0]["n"]
            same = same + 1 if count == last else 0
            last = count
            time.sleep(0.4)


@dataclass
class Aftermath:
    """Everything that one run left behind, by where it was."""

    pushed_count: int
    places: dict[str, bytes]
    files: dict[str, dict[str, set[str]]]
    scanner: Scanner


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(folder: Path, upstream: TalkativeUpstream, made: list[Canary]) -> Aftermath:
    policy = folder / "policy.yaml"
    demo = f"http://127.0.0.1:{free_port()}"
    policy.write_text(POLICY.format(demo=demo, talkative=upstream.url))
    scanner = scanner_for(made)
    stack = Stack(folder / "data", "--policy", str(policy))
    files: dict[str, dict[str, set[str]]] = {}
    try:
        held = stack.run("keys", "create", "--user", "gone", "--group", "on-hold")["key"]
        push = Pushing(stack, held, made[:CANARY_COUNT])
        for calls in (
            prompts(push, ""),
            prompts(push, "/c/talkative"),
            inline_and_messages(push),
            edges(push),
            bad_callers(push),
            faults(push),
        ):
            all_at_once(calls)
        # What is left but for the crash's own: long prompts that come back as long answers.
        rest = [canary.text for canary in push.take(CANARY_COUNT - len(push.used) - CRASH_COUNT)]
        for start in range(0, len(rest), 50):
            words = "\n\n".join(rest[start : start + 50])
            push.send("/c/talkative/chat/completions", json=chat(words, stream=True))
        files["serving"] = scanner.found_below(stack.data_dir)
        kill_in_mid_stream(push)
        files["crashed"] = scanner.found_below(stack.data_dir)
        metrics = httpx.get(f"{stack.gateway}/metrics").content
        wait_until_loaded(stack)
        rows, texts = recorded(stack)
    finally:
        stack.stop()
    files["stopped"] = scanner.found_below(stack.data_dir)
    log = stack.log.read_bytes()
    places = {
        "upstream": b"\n".join(upstream.received),
        "answers": b"\n".join(push.answers),
        "metrics": metrics,
        "log of up": log,
        "sealed texts": "\n".join(texts).encode(),
        **rows,
    }
    return Aftermath(len(push.used), places, files, scanner)


def scanner_for(made: list[Canary]) -> Scanner:
    return Scanner([*(canary.run for canary in made), fabricated_aws_key()[1], PROMPT_TEXT])


@pytest.fixture(scope="module")
def made() -> list[Canary]:
    return fabricate(SEED, CANARY_COUNT + ANSWER_COUNT)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, made: list[Canary]) -> Aftermath:
    with talkative_upstream(made[CANARY_COUNT:]) as upstream:
        return run(tmp_path_factory.mktemp("canaries"), upstream, made)


def kinds(hits: set[str], made: list[Canary]) -> list[str]:
    """Return what a failed test may show: the rules, and where among the canaries."""
    numbers = {canary.run: f"{number}:{canary.rule_id}" for number, canary in enumerate(made)}
    return sorted(numbers.get(hit, "fixed text") for hit in hits)


def test_scanner_finds_a_canary_that_stands_in_a_file_in_clear_or_encoded(made, tmp_path):
    one, other, third = made[0], made[500], made[999]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "clear.log").write_text(f"x{one.text}y")
    (tmp_path / "base64").write_bytes(base64.b64encode(f"ab{other.text}".encode()))
    (tmp_path / "json").write_text(json.dumps(json.dumps({"text": third.text})))

    assert scanner_for(made).found_below(tmp_path) == {
        "base64": {other.run},
        "deep/clear.log": {one.run},
        "json": {third.run},
    }


def test_run_pushed_everything_and_what_was_masked_arrived(aftermath):
    assert aftermath.pushed_count == CANARY_COUNT
    for place in ("upstream", "answers", "sealed texts", "audit.events_v1"):
        assert b"REDACTED_" in aftermath.places[place], place


@pytest.mark.parametrize(
    "place", ["upstream", "answers", "metrics", "log of up", "sealed texts", *TABLES]
)
def test_no_canary_is_found_in(aftermath, made, place):
    hits = aftermath.scanner.found(aftermath.places[place]) - {PROMPT_TEXT}

    assert kinds(hits, made) == []


@pytest.mark.parametrize("moment", ["serving", "crashed", "stopped"])
def test_no_file_of_the_data_directory_holds_a_canary_while(aftermath, made, moment):
    found = {file: kinds(hits, made) for file, hits in aftermath.files[moment].items()}

    assert found == {}


def test_prompt_without_a_secret_is_seen_by_the_upstream_and_by_who_may_open_it_alone(aftermath):
    seen = {
        place
        for place, data in aftermath.places.items()
        if PROMPT_TEXT in aftermath.scanner.found(data)
    }

    assert seen == {"upstream", "sealed texts"}
