"""Draw an answer as a picture, PNG or SVG, by Vega-Lite; nothing is fetched from anywhere."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import vl_convert

from schemas.questions import Chart, Question
from tailnumber.errors import CommandError
from tailnumber.files import write_private
from tailnumber.output import to_json

# More bars than these are not read; the first ones are drawn, and the picture says so.
CATEGORIES_MAX: Final = 40

_WIDTH: Final = 720
_HEIGHT: Final = 360
_STEP: Final = {"step": 18}
_SCALE: Final = 2.0
_TEMPORAL: Final = ("DATE", "TIMESTAMP")
_NO_ADDRESSES: Final[list[str]] = []


def draw(question: Question, rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write the picture of an answer; the file's ending says which kind.

    Raises:
        CommandError: the answer is empty or has no picture, or the file is of another kind or
            cannot be written.
    """
    if file.suffix not in (".png", ".svg"):
        raise CommandError(f"{file.name} is no picture: let the name end in .png or .svg.")
    if question.chart is None:
        raise CommandError(f"{question.name} is a list, with nothing to draw; --csv writes it.")
    if not rows:
        raise CommandError(f"{question.name} has no row in this period: there is nothing to draw.")
    drawn = specification(question, question.chart, rows)
    if file.suffix == ".svg":
        picture = vl_convert.vegalite_to_svg(drawn, allowed_base_urls=_NO_ADDRESSES).encode()
    else:
        picture = vl_convert.vegalite_to_png(drawn, scale=_SCALE, allowed_base_urls=_NO_ADDRESSES)
    write_private(file, picture)


def specification(
    question: Question, chart: Chart, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the Vega-Lite document of an answer. Pure."""
    types = {column.name: column.type for column in question.columns}
    shown = list(dict.fromkeys(to_json(row[chart.x]) for row in rows))
    names = [name for name in (chart.x, chart.y, chart.colour) if name is not None]
    kept = set(shown[:CATEGORIES_MAX]) if chart.kind == "bar" else set(shown)
    left_out = len(shown) - len(kept)
    # Bars of texts lie, so that their names can be read; bars of days stand in the order of time.
    lying = chart.kind == "bar" and types[chart.x] not in _TEMPORAL
    x: dict[str, Any] = {"field": chart.x, "title": _title(chart.x), "sort": None}
    x["type"] = "temporal" if types[chart.x] in _TEMPORAL and chart.kind == "line" else "ordinal"
    y: dict[str, Any] = {"field": chart.y, "title": _title(chart.y), "type": "quantitative"}
    encoding = {"x": y, "y": x} if lying else {"x": x, "y": y}
    if chart.colour is not None:
        encoding["color"] = {"field": chart.colour, "title": _title(chart.colour)}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {
            "text": question.question,
            "subtitle": f"and {left_out} more" if left_out else "",
            "anchor": "start",
        },
        "data": {
            "values": [
                {name: _value(row[name]) for name in names}
                for row in rows
                if to_json(row[chart.x]) in kept
            ]
        },
        "mark": {"type": "bar"} if chart.kind == "bar" else {"type": "line", "point": True},
        "width": _WIDTH,
        "height": _STEP if lying else _HEIGHT,
        "encoding": encoding,
        "config": {"font": "sans-serif", "background": "white", "view": {"stroke": None}},
    }


def _title(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else to_json(value)
