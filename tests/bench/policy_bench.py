"""Measure a decision under 200 rules: ``PYTHONPATH=. python tests/bench/policy_bench.py``.

The rules mix what policies say: groups, repositories by prefix, models, paths by regular
expression, clients, sizes, findings, times, and some conditions that only CEL can answer. Each
kind of operation is asked many times; times are microseconds of CPU of one
call, since the wall clock of a shared machine counts other processes too.
"""

from datetime import UTC, datetime
from time import thread_time_ns
from typing import Final

from ingress.policy.load import load_policy
from ingress.policy.rules import Limits, Operation, PolicyDecision
from ingress.usage import Usage

_RULES: Final = 200
_ROUNDS: Final = 20_000
_KINDS: Final = (
    "'team-{i}' in principal.groups && repository.startsWith('acme/project-{i}')",
    "repository.startsWith('acme/secret-{i}') && !('cleared-{i}' in principal.groups)",
    "paths.exists(p, p.matches('(^|/)module{i}/(auth|crypto)/.*[.](py|go)$'))",
    "model in ['experimental-{i}', 'preview-{i}'] && principal.kind == 'human'",
    "repository.matches('^acme/(payments|ledger)-{i}(-[a-z]+)?$') && operation == 'chat'",
    "findings.exists(f, f.startsWith('vendor{i}-')) && principal.kind == 'service'",
    "client.name == 'client-{i}' && client.version.startsWith('0.')",
    "'contractors-{i}' in principal.groups || repository.endsWith('/vendor-{i}')",
    "languages.exists(l, l == 'language-{i}') && size > 100000",
    "model == 'night-{i}' && (time.getHours('Europe/Berlin') < 6 || time.getDayOfWeek() == 0)",
)
# One rule in twenty is nothing but CEL: no plain part keeps it from being evaluated.
_CEL_ONLY: Final = "paths.size() > 5{i} && paths.all(p, p.startsWith('generated/'))"


def policy_text() -> str:
    lines = ["version: 1", "rules:"]
    for i in range(_RULES - 1):
        when = _CEL_ONLY if i % 20 == 19 else _KINDS[i % len(_KINDS)]
        lines.append(f'  - {{id: rule-{i}, when: "{when.replace("{i}", str(i))}", effect: deny}}')
    lines.append("  - {id: last, when: \"'engineering' in principal.groups\", effect: allow}")
    return "\n".join(lines) + "\n"


def operation(**facts: object) -> Operation:
    base: dict[str, object] = {
        "operation": "chat",
        "connection": "copilot",
        "principal_id": "p" * 26,
        "principal_issuer": "https://acme.okta.com",
        "principal_subject": "ada",
        "principal_kind": "human",
        "principal_groups": ("engineering", "web", "oncall", "berlin", "everyone"),
        "client_name": "vscode",
        "client_version": "1.110.0",
        "protocol": "openai.chat",
        "model": "gpt-4.1",
        "repository": "acme/web-shop",
        "paths": ("/home/ada/web-shop/src/cart.py", "/home/ada/web-shop/tests/test_cart.py"),
        "languages": ("python",),
        "at": datetime(2026, 11, 20, 12, tzinfo=UTC),
        "size_bytes": 40_000,
    }
    return Operation(**(base | facts))  # type: ignore[arg-type]  # facts of several types


CASES: Final = {
    "last rule matches": operation(),
    "no rule matches": operation(principal_groups=("guests",)),
    "first rule matches": operation(
        principal_groups=("team-0",), repository="acme/project-0", model="x"
    ),
    "20 paths, 40 groups": operation(
        paths=tuple(f"/home/ada/web-shop/src/part{i}/cart.py" for i in range(20)),
        principal_groups=(*(f"group-{i}" for i in range(39)), "engineering"),
    ),
}


def main() -> None:
    began = thread_time_ns()
    policy = load_policy(policy_text(), "bench.yaml")
    print(f"{_RULES} rules loaded in {(thread_time_ns() - began) / 1e6:.0f} ms")  # noqa: T201
    print(f"{'':<22}{'p50 us':>8}{'p99 us':>8}")  # noqa: T201
    for name, asked in CASES.items():
        times = []
        for _ in range(_ROUNDS):
            begin = thread_time_ns()
            policy.decide(asked)
            times.append(thread_time_ns() - begin)
        times.sort()
        p50, p99 = times[_ROUNDS // 2] / 1000, times[_ROUNDS * 99 // 100] / 1000
        print(f"{name:<22}{p50:>8.1f}{p99:>8.1f}")  # noqa: T201


def usage_us() -> float:
    """Return what a rule's limits add for a principal who was busy in each minute of the hour."""
    usage = Usage(None)  # type: ignore[arg-type]  # nothing is shared here
    limits = Limits(requests_per_hour=10**9, tokens_per_hour=10**9)
    allowed = PolicyDecision("allow", "everyone", ("rule",), "", "strict", limits=limits)
    now = 1_800_000_000.0
    for minute in range(60):
        usage.admit("ada", allowed, now - 60 * minute)
    begin = thread_time_ns()
    for _ in range(_ROUNDS):
        usage.admit("ada", allowed, now)
    return (thread_time_ns() - begin) / _ROUNDS / 1000


if __name__ == "__main__":
    main()
    print(f"limits add {usage_us():.1f} us")  # noqa: T201
