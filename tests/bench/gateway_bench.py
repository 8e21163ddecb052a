# ruff: noqa: T201 - a script for people prints its figures
"""Measure the gateway beside other gateways: one run, one upstream, one table.

Run by ``make bench`` or by hand. The harness (mock upstream, load, other products' settings) is
material that lies beside the checkout, and the products are those that are installed; what is
missing is said and left out. Every gateway is pinned to core 0 and all else to core 1, so CPU time
and the ratio between products of one run hold on a noisy machine; rates and latencies may not.

    python tests/bench/gateway_bench.py                     # the table and the budgets
    python tests/bench/gateway_bench.py --soak 200000       # memory and descriptors over so many
    python tests/bench/gateway_bench.py --streams 500       # so many slow streams at once
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = "json_c1,json_c16,json32k_c16,sse_c16_sat,slow_c16,slow_c50"
MOCK, PASS, PORTKEY, LITELLM, LITELLM_MASK = 9100, 9101, 8787, 4000, 4002
PEER_SECONDS = 90
UPSTREAM_FIRST_DELTA_MS = 20.0
POLICY = """version: 1
connections:
  bench: {kind: openai, upstream: "http://127.0.0.1:%d", network: private}
masking: {rules: [builtin], tier2: audit}
rules:
  - {id: no-contractors, when: "'contractors' in principal.groups", effect: deny}
  - {id: everyone, effect: allow}
"""
# What the design asks for: scenario, figure, most, how it is said.
BUDGETS = [
    ("json_c16", "cpu_ms_per_req", 0.45, "CPU ms a JSON request, 1 KiB up, 2 KiB down"),
    ("json32k_c16", "cpu_ms_per_req", 0.8, "CPU ms with a 32 KiB prompt"),
    ("sse_c16_sat", "cpu_ms_per_req", 1.5, "CPU ms a stream of 100 deltas"),
    ("slow_c50", "cpu_us_per_delta", 60.0, "CPU us a delta, 50 streams at 20 ms gaps"),
    ("slow_c16", "ttfb_p50", 2.0, "first delta added, ms, 16 slow streams"),
    ("slow_c50", "ttfb_p50", 5.0, "first delta added, ms, 50 slow streams"),
    ("slow_c50", "rss_mb", 160.0, "resident memory after the run, MB"),
]


class Bench:
    """The harness's folder, the folder of installed products, and the processes of this run."""

    def __init__(self, material: Path, installed: Path) -> None:
        self.material = material
        self.installed = installed
        self.environ = {**os.environ, "BENCH_DIR": str(installed)}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, port: int) -> int | None:
        """Start a product of the harness and return its pid; None if it does not come up."""
        if _listens(port):
            print(f"port {port} is taken: {name} is left out; end what is there", file=sys.stderr)
            return None
        subprocess.run(
            ["./start.sh", name],
            cwd=self.material,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        end = time.monotonic() + PEER_SECONDS
        while not _listens(port):
            if time.monotonic() > end:
                print(f"{name} does not answer on port {port}: left out", file=sys.stderr)
                return None
            time.sleep(0.2)
        pids = {"mock": "mock.pid", "nginx": "pass.pid"}
        return int((self.installed / pids.get(name, f"{name}.spid")).read_text())

    def measure(self, label: str, url: str, pid: int, headers: list[str], more: list[str]) -> dict:
        """Drive one product; return the medians of each scenario."""
        out = self.installed / "results" / f"{label}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "bench.py", "--label", label, "--url", url, "--pid", str(pid)]
        command += ["--out", str(out), *more]
        for header in headers:
            command += ["-H", header]
        subprocess.run(
            ["taskset", "-c", "1", *command],
            cwd=self.material,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return json.loads(out.read_text())["median"]


@contextlib.contextmanager
def stack(port: int) -> Iterator[tuple[str, str, int]]:
    """Run the whole stack on core 1, its gateway on core 0; give URL, key and pid."""
    with tempfile.TemporaryDirectory(prefix="tailnumber-bench-") as folder:
        policy, data = Path(folder) / "policy.yaml", Path(folder) / "data"
        policy.write_text(POLICY % MOCK)
        log = (Path(folder) / "log").open("wb")
        command = ["taskset", "-c", "1", sys.executable, "-m", "tailnumber", "up"]
        command += ["--policy", str(policy), "--data-dir", str(data), "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
        )
        endpoints = data / "endpoints.json"
        try:
            while not endpoints.exists():
                if process.poll() is not None:
                    sys.exit("the stack did not start:\n" + (Path(folder) / "log").read_text())
                time.sleep(0.2)
            told = json.loads(endpoints.read_text())
            pid = told["pids"]["ingress"]
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {0})
            yield told["gateway"], told["gateway_key"], pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            log.close()


def peers(bench: Bench, products: list[str]) -> Iterator[tuple[str, str, int, list[str]]]:
    """Start what is installed, one after the other; give label, URL, pid and headers."""
    node = bench.installed / "portkey" / "node_modules" / "@portkey-ai" / "gateway"
    litellm = bench.installed / "venv-litellm" / "bin" / "litellm"
    portkey = [
        "x-portkey-provider: openai",
        f"x-portkey-custom-host: http://127.0.0.1:{MOCK}/v1",
        "Authorization: Bearer x",
    ]
    bearer = ["Authorization: Bearer sk-bench"]
    known = [
        ("nginx", PASS, shutil.which("nginx"), []),
        ("portkey", PORTKEY, node.exists() and shutil.which("node"), portkey),
        ("litellm", LITELLM, litellm.exists(), bearer),
        ("litellm-mask", LITELLM_MASK, litellm.exists(), bearer),
    ]
    for name, port, is_there, headers in known:
        if name not in products:
            continue
        if not is_there:
            print(f"{name} is not installed: left out", file=sys.stderr)
            continue
        pid = bench.start(name, port)
        if pid is not None:
            try:
                yield name, f"http://127.0.0.1:{port}", pid, headers
            finally:
                _end(pid)


def print_tables(results: dict[str, dict]) -> None:
    """Print the products side by side, then the budgets for ours."""
    print(
        "| product | CPU ms a request | with 32 KiB | CPU ms a stream | CPU us a delta, slow "
        "| first delta p50 ms, 16 / 50 slow | RSS MB | errors |\n|---|---|---|---|---|---|---|---|"
    )
    for label, found in results.items():
        first = " / ".join(_figure(found, name, "ttfb_p50", 1) for name in ("slow_c16", "slow_c50"))
        errors = sum(int(scenario.get("errors") or 0) for scenario in found.values())
        cells = [
            _figure(found, "json_c16", "cpu_ms_per_req", 3),
            _figure(found, "json32k_c16", "cpu_ms_per_req", 3),
            _figure(found, "sse_c16_sat", "cpu_ms_per_req", 2),
            _figure(found, "slow_c50", "cpu_us_per_delta", 0),
            first,
            _figure(found, "slow_c50", "rss_mb", 0),
            str(errors),
        ]
        print(f"| {label} | {' | '.join(cells)} |")
    ours = results.get("tailnumber")
    if not ours:
        return
    print("\n| budget | most | measured | |\n|---|---|---|---|")
    for scenario, figure, most, words in BUDGETS:
        value = (ours.get(scenario) or {}).get(figure)
        if value is None:
            continue
        value -= UPSTREAM_FIRST_DELTA_MS if figure == "ttfb_p50" else 0.0
        met = "met" if value <= most else "not met"
        print(f"| {words} | {most:g} | {value:.3g} | {met} |")


def soak(url: str, key: str, pid: int, count: int) -> bool:
    """Send ``count`` requests in ten rounds; print memory and descriptors after each.

    Flat is: nothing grows by more than a tenth after the first three rounds.
    """
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "def handler():\n" * 70}]}
    script = "wrk.method='POST'\nwrk.body=[==[" + json.dumps(body) + "]==]\n"
    script += f"wrk.headers['Authorization']='Bearer {key}'\n"
    script += "wrk.headers['Content-Type']='application/json'\n"
    rounds: list[tuple[float, int]] = []
    sent = 0
    print("| requests | RSS MB | descriptors |\n|---|---|---|")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        target = f"{url}/v1/chat/completions"
        while sent < count:
            seen = sent
            while sent - seen < count / 10:
                told = subprocess.run(
                    ["taskset", "-c", "1", "wrk", "-t1", "-c16", "-d5s", "-s", file.name, target],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
                if refused:
                    sys.exit(f"{refused[1]} requests were refused")
                sent += int(re.search(r"(\d+) requests in", told)[1])
            rounds.append((_resident_mb(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))))
            print(f"| {sent} | {rounds[-1][0]:.1f} | {rounds[-1][1]} |", flush=True)
    settled = rounds[min(2, len(rounds) - 1)]
    flat = all(last <= 1.1 * first for first, last in zip(settled, rounds[-1], strict=True))
    print("flat" if flat else "grows")
    return flat


async def slow_streams(url: str, key: str, count: int) -> bool:
    """Take ``count`` slow streams at once; each must be the upstream's own bytes, in its time."""
    wanted, _ = await _stream(f"http://127.0.0.1:{MOCK}", "")
    began = time.perf_counter()
    taken = await asyncio.gather(
        *(_stream(url, key, number * 2.0 / count) for number in range(count))
    )
    missed = sum(digest != wanted for digest, _ in taken)
    first = statistics.median(seconds for _, seconds in taken)
    print(
        f"{count} streams of 100 deltas at 20 ms in {time.perf_counter() - began:.1f} s: "
        f"{missed} differ from the upstream's, first delta p50 {first * 1000:.0f} ms"
    )
    return missed == 0


async def _stream(url: str, key: str, after_seconds: float = 0.0) -> tuple[str, float]:
    """Ask for one slow stream; return the hash of its body and when its first byte came."""
    await asyncio.sleep(after_seconds)
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    messages = [{"role": "user", "content": "MOCK_SLOW"}]
    body = json.dumps({"model": "m", "messages": messages, "stream": True}).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: %b\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (host.encode(), key.encode(), len(body), body)
    )
    asked = time.perf_counter()
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.splitlines()[0]:
        sys.exit(f"a stream was refused: {head.splitlines()[0].decode()}")
    digest, first = hashlib.sha256(), 0.0
    while size := int(await reader.readline(), 16):
        digest.update((await reader.readexactly(size + 2))[:-2])
        first = first or time.perf_counter() - asked
    writer.close()
    await writer.wait_closed()
    return digest.hexdigest(), first


def _figure(found: dict, scenario: str, figure: str, digits: int) -> str:
    value = (found.get(scenario) or {}).get(figure)
    return "-" if value is None else f"{value:.{digits}f}"


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--material", type=Path, default=ROOT.parent / "shared" / "bench" / "gateway"
    )
    installed = os.environ.get("BENCH_DIR", str(Path.home() / ".cache" / "gateway-bench"))
    parser.add_argument("--installed", type=Path, default=Path(installed), help="BENCH_DIR")
    parser.add_argument("--only", default=SCENARIOS, help="scenarios of the harness")
    parser.add_argument("--scale", default="0.5", help="multiplies each scenario's seconds")
    parser.add_argument("--repeat", default="2")
    products = "nginx,portkey,litellm,litellm-mask"
    parser.add_argument("--beside", default=products, help="products beside ours; empty: none")
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--soak", type=int, metavar="N", help="N requests; is memory flat?")
    parser.add_argument("--streams", type=int, metavar="N", help="N slow streams at once")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; exit 1 if a soak grows or a stream differs, 2 if it cannot run."""
    options = _arguments()
    missing = [name for name in ("nginx", "wrk", "taskset") if not shutil.which(name)]
    if not options.material.is_dir():
        missing.insert(0, f"the harness ({options.material}; say --material)")
    if missing:
        print(f"cannot measure without {', '.join(missing)}", file=sys.stderr)
        return 2
    options.installed.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.material, options.installed)
    mock = None if _listens(MOCK) else bench.start("mock", MOCK)
    asked = ["--only", options.only, "--scale", options.scale, "--repeat", options.repeat]
    try:
        if options.soak or options.streams:
            with stack(options.port) as (url, key, pid):
                fine = not options.soak or soak(url, key, pid, options.soak)
                if options.streams:
                    fine = asyncio.run(slow_streams(url, key, options.streams)) and fine
            return 0 if fine else 1
        results = {}
        for label, url, pid, headers in peers(bench, options.beside.split(",")):
            results[label] = bench.measure(label, url, pid, headers, asked)
        with stack(options.port) as (url, key, pid):
            bearer = [f"Authorization: Bearer {key}"]
            results["tailnumber"] = bench.measure("tailnumber", url, pid, bearer, asked)
        print_tables(results)
    finally:
        if mock is not None:
            _end(mock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
