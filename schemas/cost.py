"""Reckon what a million interactions cost on Google Cloud, beside storing every body. Pure."""

from dataclasses import dataclass
from typing import Final

GIB: Final = 2**30
TIB: Final = 2**40
MILLION: Final = 1_000_000

# Days after which BigQuery halves the price of a partition that nobody changed.
# Source: BigQuery pricing, "Long-term storage".
ACTIVE_DAYS: Final = 90
_MONTH_DAYS: Final = 365 / 12


@dataclass(frozen=True, slots=True)
class Prices:
    """USD, list prices of a US multi-region; yours differ by region and contract.

    Source: Google Cloud pricing pages of Pub/Sub and BigQuery. Those of Pub/Sub are of 2026-09-20;
    the others are BigQuery's long-standing list prices, to be checked before a budget.
    """

    pubsub_tib: float = 40.0
    pubsub_archive_tib: float = 50.0
    write_gib: float = 0.025
    active_gib_month: float = 0.02
    long_term_gib_month: float = 0.01


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of one interaction.

    Source: ``tests/bench/cost_bench.py`` for rows; ``tests/ingress/test_stored_once.py`` for
    bodies and texts: a session of 40 turns sends 3.4 MB, of which 106 KB of texts are stored.
    """

    body: int = 85_000
    texts: int = 2_650
    part_rows: int = 940
    event_rows: int = 3_563
    detail_rows: int = 1_630


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the reckoning: what is kept, bytes an interaction, days, USD a million."""

    what: str
    size_bytes: int
    days: int
    usd: float


def stored_usd(size_bytes: int, days: int, prices: Prices, carried_bytes: int) -> float:
    """Return what a million rows cost, from what Pub/Sub carried of them to their last day."""
    total = size_bytes * MILLION
    # Published, delivered to the pipeline, exported to the archive.
    each_tib = 2 * prices.pubsub_tib + prices.pubsub_archive_tib
    carried = carried_bytes * MILLION / TIB * each_tib
    written = total / GIB * prices.write_gib
    active = min(days, ACTIVE_DAYS) / _MONTH_DAYS * prices.active_gib_month
    after = max(days - ACTIVE_DAYS, 0) / _MONTH_DAYS * prices.long_term_gib_month
    return carried + written + total / GIB * (active + after)


def reckon(sizes: Sizes = Sizes(), prices: Prices = Prices()) -> tuple[list[Line], list[Line]]:
    """Return the lines of Tailnumber's way, and of the same with each body stored."""

    def line(what: str, size_bytes: int, days: int, carried_bytes: int) -> Line:
        usd = stored_usd(size_bytes, days, prices, carried_bytes)
        return Line(what, size_bytes, days, usd)

    facts = [
        line("events, the exact records", sizes.event_rows, 2192, sizes.event_rows),
        # Made by the pipeline from the events.
        line("interactions, findings, tool calls", sizes.detail_rows, 1096, 0),
    ]
    # Ciphertext travels as base64, a third more.
    texts = sizes.texts + sizes.part_rows
    once = line("texts, each once a session", texts, 190, texts * 4 // 3)
    bodies = line("every request's body", sizes.body, 190, sizes.body)
    return [*facts, once], [*facts, bodies]


def table(lines: list[Line]) -> str:
    """Return lines as rows of Markdown, with their sum."""
    rows = [f"| {x.what} | {x.size_bytes:,} | {x.days:,} | {x.usd:,.2f} |" for x in lines]
    total = sum(each.usd for each in lines)
    size = sum(each.size_bytes for each in lines)
    head = "| kept | bytes an interaction | days | USD a million |\n|---|---|---|---|"
    return "\n".join([head, *rows, f"| **together** | {size:,} | | **{total:,.2f}** |"])
