"""Hold the demo's canned texts: how code goes on, and what a coding model would say.

Data only; `demo_answers` chooses among them.
"""

from collections.abc import Mapping, Sequence
from typing import Final

# What follows an open function, by language and by a word in its name; "" is for any other
# name. {a} and {b} stand for its first two parameters.
FUNCTION_BODIES: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "python": {
        "add sum total": (
            """\
    return {a} + {b}
""",
            """\
    result = {a} + {b}
    return result
""",
        ),
        "load read parse": (
            """\
    with open({a}, encoding="utf-8") as source:
        return json.load(source)
""",
            """\
    return json.loads(Path({a}).read_text(encoding="utf-8"))
""",
        ),
        "is has valid check": (
            """\
    if not {a}:
        return False
    return {a}.strip() == {a}
""",
            """\
    return bool({a}) and {a}.isascii()
""",
        ),
        "connect client session": (
            """\
    return psycopg.connect(host=HOST, user=USER, connect_timeout=5)
""",
            """\
    engine = create_engine({a}, pool_pre_ping=True)
    return engine.connect()
""",
        ),
        "": (
            """\
    items = [item for item in {a} if item is not None]
    return sorted(items)
""",
            """\
    for item in {a}:
        logger.debug('seen %s', type(item).__name__)
""",
        ),
    },
    "typescript": {
        "add sum total": (
            """\
  return {a} + {b};
}}
""",
            """\
  return [{a}, {b}].reduce((x, y) => x + y, 0);
}}
""",
        ),
        "fetch load get": (
            """\
  const response = await fetch(`/api/${{{a}}}`);
  if (!response.ok) throw new Error(`HTTP ${{response.status}}`);
  return response.json();
}}
""",
            """\
  const {{ data }} = await client.get({a});
  return data;
}}
""",
        ),
        "": (
            """\
  return {a}.filter(Boolean).map((item) => item.id);
}}
""",
            """\
  const seen = new Set({a});
  return [...seen];
}}
""",
        ),
    },
    "go": {
        "add sum total": (
            """\
\treturn {a} + {b}
}}
""",
            """\
\ttotal := {a} + {b}
\treturn total
}}
""",
        ),
        "": (
            """\
\tif err := ctx.Err(); err != nil {{
\t\treturn fmt.Errorf("cancelled: %w", err)
\t}}
\treturn nil
}}
""",
            """\
\tdefer mu.Unlock()
\tmu.Lock()
\treturn store.Save({a})
}}
""",
        ),
    },
}

# What follows any other line, by language.
NEXT_LINES: Final[Mapping[str, Sequence[str]]] = {
    "python": (
        """\
logger.info('loaded %d rows', len(rows))
""",
        """\
return result
""",
    ),
    "typescript": (
        """\
console.debug('loaded', rows.length);
""",
        """\
return result;
""",
    ),
    "go": (
        """\
if err != nil {
\treturn err
}
""",
        """\
return nil
""",
    ),
    "sql": (
        """\
  o.customer_id,
  COUNT(*) AS order_count,
  SUM(o.amount) AS revenue
FROM orders AS o
WHERE o.created_at >= CURRENT_DATE - INTERVAL '30 days'
GROUP BY o.customer_id
ORDER BY revenue DESC;
""",
        """\
  id, status, created_at
FROM orders
WHERE status = 'open'
LIMIT 100;
""",
    ),
}

# Words of a topic and its answer; the first topic with a word in the message wins.
CHAT_ANSWERS: Final[Sequence[tuple[str, str]]] = (
    (
        "title",
        """\
Refund handling in the payment service""",
    ),
    (
        "test tests pytest spec",
        """\
Here is a test that covers the normal case and the edge:

```python
import pytest

from payments.refund import refund


@pytest.mark.parametrize("amount", [1, 250, 9999])
def test_refund_returns_the_amount(amount: int) -> None:
    assert refund(amount).cents == amount


def test_refund_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        refund(0)
```

Run it with `pytest -q tests/test_refund.py`.""",
    ),
    (
        "sql query table index",
        """\
Group by day first, then join: the planner can use the index on `created_at`.

```sql
SELECT DATE(created_at) AS day, COUNT(*) AS orders, SUM(amount) AS revenue
FROM orders
WHERE created_at >= CURRENT_DATE - INTERVAL '30 days'
GROUP BY day
ORDER BY day;
```

If it stays slow, add `CREATE INDEX CONCURRENTLY ON orders (created_at)`.""",
    ),
    (
        "error exception traceback bug fix fails",
        """\
The error comes from reading `response['items']` before checking the status: a 404 body has no such
key.

```python
response = client.get(url, timeout=5)
response.raise_for_status()
items = response.json().get("items", [])
```

That also gives the caller a clear `HTTPStatusError` instead of a `KeyError`.""",
    ),
    (
        "refactor clean simplify",
        """\
I would split it in two: one function that decides, one that acts.

```python
def eligible(order: Order, now: datetime) -> bool:
    return order.paid and now - order.paid_at < REFUND_WINDOW


def refund(order: Order, now: datetime) -> Receipt:
    if not eligible(order, now):
        raise NotEligible(order.id)
    return gateway.refund(order.charge_id)
```

The rule can now be tested without a payment gateway.""",
    ),
    (
        "explain what how why",
        """\
In short: it walks the rows once, keeps a running total per customer, and writes the total out when
the customer changes. The input must therefore be sorted by customer.

1. `groupby` yields one group per run of equal keys.
2. `sum` consumes that group.
3. Nothing is held in memory but the current group.""",
    ),
    (
        "docker container deploy kubernetes",
        """\
A two-stage build keeps compilers out of the image:

```dockerfile
FROM python:3.11-slim AS build
COPY . /src
RUN pip wheel --no-deps -w /wheels /src

FROM python:3.11-slim
COPY --from=build /wheels /wheels
RUN pip install /wheels/*.whl
USER 1000
```""",
    ),
)

CHAT_DEFAULT: Final = """\
Here is a small version that does what you describe:

```python
def retry(call: Callable[[], T], attempts: int = 3) -> T:
    for attempt in range(attempts):
        try:
            return call()
        except TransientError:
            if attempt == attempts - 1:
                raise
            time.sleep(2**attempt)
```

It doubles the pause after each failure and lets the last error through. Tell me if you need jitter
as well."""
