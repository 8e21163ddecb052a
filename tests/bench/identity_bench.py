# ruff: noqa: T201 - a script for people prints its figures
"""Measure who is calling: a gateway key, a token seen before, a token never seen, held groups.

Run by hand: ``python tests/bench/identity_bench.py [--count 3000]``. The budgets are 20 us for a
token that is held and 150 us for one that is not (RS256, 2048 bits); each figure is the CPU time of
the whole ``identify`` step, headers to principal, on the control database of one machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import uvloop
from fake_directory import API_TOKEN, OKTA_USER, FakeDirectory
from tokens import AUDIENCE, Idp

from ingress.control.store import open_sqlite
from ingress.identity.authenticate import Authenticator, build_identity
from ingress.identity.groups import GroupResolver
from ingress.identity.issuers import Issuer, TrustedIssuers, load_issuers
from ingress.identity.keys import KeyStore, LocalIssuer
from ingress.secrets import TenantSecrets


async def measure(name: str, identity: Authenticator, credentials: Sequence[str]) -> None:
    """Print p50 and p99 of one ``authenticate`` per credential."""
    headers = [
        [(b"host", b"gateway"), (b"authorization", b"Bearer " + credential.encode())]
        for credential in credentials
    ]
    now = time.time()
    spans = []
    gc.collect()
    for each in headers:
        began = time.thread_time()
        await identity.authenticate(each, now)
        spans.append(time.thread_time() - began)
    report(name, spans)


async def measure_groups(directory: FakeDirectory, issuer: Issuer, count: int) -> None:
    """Print what the groups of a caller cost while an answer is held."""
    resolver = GroupResolver(TrustedIssuers([issuer]), lambda _: API_TOKEN)
    directory.groups[OKTA_USER] = ["engineering"]
    await resolver.groups(issuer.issuer, OKTA_USER)
    spans = []
    for _ in range(count):
        began = time.thread_time()
        await resolver.groups(issuer.issuer, OKTA_USER)
        spans.append(time.thread_time() - began)
    await resolver.close()
    report("groups of a directory, held", spans)


def report(name: str, spans: list[float]) -> None:
    spans.sort()
    p50, p99 = (spans[int(len(spans) * share)] * 1e6 for share in (0.5, 0.99))
    print(f"{name:30} p50 {p50:7.1f} us   p99 {p99:7.1f} us   ({len(spans)})")


async def run(root: Path, count: int) -> None:
    engine = open_sqlite(root / "control.db")
    tenant = TenantSecrets.load_or_create(root / "secrets")
    _, key = LocalIssuer(KeyStore(engine)).mint("ada", now=datetime.now(UTC), groups=["eng"])
    with Idp() as idp, FakeDirectory() as directory:
        plain = {"issuer": idp.issuer, "profile": "generic", "audiences": [AUDIENCE]}
        source = {"credential": "secret/okta", "url": directory.url}
        okta = {**plain, "issuer": f"{idp.issuer}/okta", "profile": "okta", "groups_from": source}
        entries = [{**plain, "groups_claim": "groups"}, okta]
        issuers = load_issuers(json.dumps({"version": 1, "issuers": entries}), "bench")
        identity = build_identity(engine, tenant, issuers)
        now = time.time()
        tokens = [idp.token(now, jti=str(number)) for number in range(count)]
        await measure("warm-up", identity, [key, *tokens[:200]])
        await measure("gateway key", identity, [key] * count)
        await measure("token, not held (RS256)", identity, tokens[200:])
        await measure("token, held", identity, [tokens[-1]] * count)
        await measure_groups(directory, issuers[1], count)
        await identity.close()
    engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(run(Path(directory), arguments.count))


if __name__ == "__main__":
    main()
