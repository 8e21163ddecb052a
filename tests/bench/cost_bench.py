"""Measure what the rows of an interaction weigh, as BigQuery bills them.

Run from the checkout: ``PYTHONPATH=.:tests/support python tests/bench/cost_bench.py``. It reads a
generated month of 200 people; ``schemas/cost.py`` holds what came out.
"""

import sys
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from month import Month


def billed_bytes(value: Any) -> int:
    """Source: BigQuery pricing, "Data size calculation" (logical bytes)."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1
    if isinstance(value, int | float | datetime):
        return 8
    if isinstance(value, Decimal):
        return 16
    if isinstance(value, str):
        return 2 + len(value.encode())
    if isinstance(value, bytes):
        return 2 + len(value)
    if isinstance(value, dict):
        return sum(map(billed_bytes, value.values()))
    return sum(map(billed_bytes, value))


def main() -> None:
    sizes: Counter[str] = Counter()
    known: set[str] = set()
    for table, row in Month().rows():
        sizes[table] += billed_bytes(row)
        known.add(row.get("interaction_id") or "")
    interactions = len(known - {""})
    sys.stdout.write(f"{interactions} interactions\n")
    for table, size in sizes.most_common():
        sys.stdout.write(f"{table:28} {size / interactions:8.0f} bytes an interaction\n")


if __name__ == "__main__":
    main()
