"""Know what a model costs and price an interaction exactly. Pure.

``model,input_price,output_price,cached_price,currency,valid_from``: prices per million tokens;
``model`` is a pattern with ``*``, ``?`` and ``[…]``; a price holds from the start of its day (UTC)
until a later row of the same pattern. The first pattern that matches and has a price answers.
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from fnmatch import translate
from functools import lru_cache
from typing import Final

import msgspec

from pipeline.enrichment.table import Line, read_lines

REQUIRED: Final = ("model", "input_price", "output_price", "currency")
OPTIONAL: Final = ("cached_price", "valid_from")

_PER_TOKENS: Final = 1_000_000
# BigQuery's NUMERIC has nine decimals. Source: BigQuery, "Data types", NUMERIC.
_STEP: Final = Decimal("0.000000001")
# Room for any count of an INT64 column times any price that the file takes.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PRICE_MAX: Final = Decimal(1_000_000)
_PRICE: Final = re.compile(r"\d{1,7}(\.\d{1,9})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_REMEMBERED_MAX: Final = 10_000


class Price(msgspec.Struct, frozen=True, gc=False):
    """Prices of one model per million tokens, from a day on."""

    valid_from: date
    input_price: Decimal
    output_price: Decimal
    cached_price: Decimal
    currency: str

    def cost(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> Decimal:
        """Return the price of tokens, none of which is counted twice, to nine decimals."""
        context = _EXACT
        total = context.multiply(self.input_price, Decimal(input_tokens))
        if cached_tokens:
            total = context.fma(self.cached_price, Decimal(cached_tokens), total)
        total = context.fma(self.output_price, Decimal(output_tokens), total)
        return context.divide(total, Decimal(_PER_TOKENS)).quantize(_STEP, context=context)


class Prices:
    """Find a model's price of a day; made by ``read_prices``."""

    def __init__(self, patterns: Sequence[tuple[str, Sequence[Price]]]) -> None:
        # Latest first, so that the first that has begun is the one that holds.
        compiled = [
            (re.compile(translate(glob)), sorted(rows, key=_begins, reverse=True))
            for glob, rows in patterns
        ]

        @lru_cache(maxsize=_REMEMBERED_MAX)
        def find(model: str, day: date) -> Price | None:
            for pattern, rows in compiled:
                if pattern.match(model):
                    for row in rows:
                        if row.valid_from <= day:
                            return row
            return None

        self._find = find
        self._count = sum(len(rows) for _, rows in patterns)

    def find(self, model: str, day: date) -> Price | None:
        """Return the model's price of a day, or ``None`` if the list has none."""
        return self._find(model, day)

    def __len__(self) -> int:
        return self._count


def read_prices(data: bytes, file: str) -> Prices:
    """Return the price list in a CSV file.

    Raises:
        SourceError: a wrong header, a duplicate or a bad value; says where.
    """
    patterns: dict[str, list[Price]] = {}
    seen: dict[tuple[str, date], int] = {}
    for line in read_lines(data, file, REQUIRED, OPTIONAL):
        glob, day = line.needed("model"), _day(line)
        first = seen.setdefault((glob, day), line.number)
        if first != line.number:
            raise line.error(f"this model has a price from that day on line {first} already")
        currency = line.needed("currency")
        if not _CURRENCY.fullmatch(currency):
            raise line.error("currency is not three capital letters (ISO 4217)")
        input_price = _price(line, "input_price")
        cached = line.text("cached_price")
        patterns.setdefault(glob, []).append(
            Price(
                day,
                input_price,
                _price(line, "output_price"),
                input_price if cached is None else _price(line, "cached_price"),
                currency,
            )
        )
    return Prices(list(patterns.items()))


def _begins(price: Price) -> date:
    return price.valid_from


def _price(line: Line, column: str) -> Decimal:
    text = line.needed(column)
    try:
        price = Decimal(text) if _PRICE.fullmatch(text) else None
    except InvalidOperation:
        price = None
    if price is None or price > _PRICE_MAX:
        raise line.error(f"{column} is not a number such as 2.50, at most {_PRICE_MAX:,}")
    return price


def _day(line: Line) -> date:
    text = line.text("valid_from")
    if text is None:
        return date.min
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # refused below, as what has another form
    raise line.error("valid_from is not a day such as 2026-01-31")
