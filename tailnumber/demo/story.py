"""Tell the demo's hour: who asks what, at which minute. Data, and small functions that make it.

The secrets in it are computed: they have the right form and were never issued.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tailnumber.demo.people import ADA, BEN, CHEN, DANA, EMIL, FARAH, Person

Kind = Literal["token", "inline", "chat", "agent", "embeddings", "unknown_key"]

MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a person does at a minute of the hour."""

    minute: float
    kind: Kind
    person: Person
    text: str = ""
    path: str = ""
    language: str = ""
    suffix: str = ""
    model: str = "gpt-4.1"
    attachment: str = ""
    repository: str = ""
    tools: tuple[str, ...] = field(default=())


_REFUND: Final = """\
from datetime import datetime, timedelta

from payments.gateway import gateway
from payments.orders import Order

REFUND_WINDOW = timedelta(days=30)


def is_refundable(order: Order, now: datetime) -> bool:
    return order.paid and now - order.paid_at < REFUND_WINDOW


def refund_total(items, discount):
"""
_CART: Final = """\
import { client } from './api';

export type Line = { id: string; cents: number; quantity: number };

export async function fetchCart(customerId: string) {
  const response = await client.get(customerId);
  return response;
}

export function sumLines(lines: Line[], shipping: number) {
"""
_RANKER: Final = """\
package ranking

import "context"

// Save stores the ranked result of one query.
func Save(ctx context.Context, result Result) error {
"""


def story() -> list[Step]:
    """Return the steps of the hour in order."""
    steps = [
        Step(0, "token", ADA),
        Step(0, "token", BEN),
        *_types(ADA, 2, "src/payments/refund.py", "python", _REFUND),
        *_types(BEN, 4, "src/cart.ts", "typescript", _CART),
        *_types(EMIL, 9, "ranking/save.go", "go", _RANKER),
        *_chats(),
        *_agent_at_work(),
        *_refusals(),
    ]
    return sorted(steps, key=lambda step: step.minute)


def _chats() -> Iterator[Step]:
    yield Step(
        8,
        "chat",
        ADA,
        "Explain what this module does and what happens to orders over 30 days.",
        attachment="src/payments/refund.py",
    )
    yield Step(14, "chat", ADA, "Write a pytest test for is_refundable.")
    yield Step(38, "chat", ADA, "Refactor refund into a decision and an action.")
    yield Step(
        6,
        "chat",
        CHEN,
        "Write a SQL query: orders and revenue per day over the last 30 days.",
        model="gpt-5-mini",
    )
    yield Step(26, "chat", CHEN, "Which index would help that query?", model="gpt-5-mini")
    # A leak: someone pastes their shell's settings along with the question.
    yield Step(20, "chat", BEN, _leaky_question())
    yield Step(23, "chat", BEN, "What does that error mean for the upload, in one sentence?")
    # The model itself answers with something that looks like a key (the demo upstream does).
    yield Step(
        44,
        "chat",
        BEN,
        "Show me an example .env file for the S3 client. DEMO_SECRET",
        model="claude-sonnet-4.6",
    )
    yield Step(52, "chat", CHEN, f"Why does psql fail with this URL? {_database_url()}")


def _agent_at_work() -> Iterator[Step]:
    tools = ("apply_patch", "bash")
    yield Step(
        17,
        "agent",
        EMIL,
        "Apply the new rule to src/ranking/score.py: scores below zero are zero.",
        model="claude-sonnet-4.6",
        tools=tools,
    )
    yield Step(
        47,
        "agent",
        EMIL,
        "Apply the same rule to src/ranking/boost.py please.",
        model="claude-sonnet-4.6",
        tools=tools,
    )
    yield Step(31, "embeddings", EMIL, "How are results ranked when two scores are equal?")


def _refusals() -> Iterator[Step]:
    yield Step(12, "chat", DANA, "How do I add a second card to a payment?")
    yield Step(
        13, "inline", DANA, "def charge(card, amount):\n", "src/payments/charge.py", "python"
    )
    # The same person may work on another repository.
    yield Step(16, "chat", DANA, "Write a retry helper for the web client.", repository="acme/web")
    yield Step(29, "chat", FARAH, "Summarise the open incidents for me.")
    yield Step(35, "unknown_key", ADA, "hello")
    yield Step(55, "embeddings", CHEN, "customer churn by region")


def _types(person: Person, minute: float, path: str, language: str, code: str) -> Iterator[Step]:
    """Write a file as people do: a few lines, a pause, a ghost text after each line's end."""
    lines = code.splitlines(keepends=True)
    pauses = [number for number in range(3, len(lines) + 1) if lines[number - 1].strip()][-5:]
    for index, end in enumerate(pauses):
        yield Step(
            minute + index * 7.3,
            "inline",
            person,
            "".join(lines[:end]),
            path,
            language,
            suffix="".join(lines[end : end + 2]),
            model="gpt-41-copilot",
        )


def fabricated_key() -> tuple[str, str]:
    """Return an AWS key id and secret of the right form that were never issued."""
    digest = hashlib.sha256(b"tailnumber demo: ben's laptop").digest()
    key_id = "AKIA" + base64.b32encode(digest[:10]).decode("ascii")
    return key_id, base64.b64encode(digest[:30]).decode("ascii")


def _leaky_question() -> str:
    key_id, secret = fabricated_key()
    return (
        "My upload fails with an exception, AccessDenied. My settings are:\n"
        f"export AWS_ACCESS_KEY_ID={key_id}\n"
        f'export AWS_SECRET_ACCESS_KEY="{secret}"\n'
        "export AWS_REGION=eu-central-1\nWhat is wrong?"
    )


def _database_url() -> str:
    password = hashlib.sha256(b"tailnumber demo: chen's database").hexdigest()[:20]
    return f"postgresql://chen:{password}@db.acme.example:5432/orders"


def tool(name: str) -> dict[str, Any]:
    """Return the definition of a tool as an agent offers it to the model."""
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": {"apply_patch": "Edit files by a patch.", "bash": "Run a command."}[
                name
            ],
            "parameters": {"type": "object", "properties": {"input": {"type": "string"}}},
        },
    }
