"""Draw the four dashboards of the LookML block with the generated month's numbers.

Run from the checkout: ``PYTHONPATH=.:tests/support python tests/bench/looker_preview.py``. It writes
docs/images/looker-NAME.svg. Looker draws them in its own way: these show what stands where, and
which numbers.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import vl_convert
from local_warehouse import running_warehouse
from lookml import Compiler, Period, dashboards, load, tile_query
from month import BEGIN, END, Month
from planted import plant

from pipeline.tables import apply_contract

IMAGES = Path(__file__).parents[2] / "docs" / "images"
BLOCK = load()
WEEKS = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 19, tzinfo=UTC))
PERIODS = {"2 weeks ago for 2 weeks": WEEKS, "11 years": Period(BEGIN, END)}
UNIT, LINE, HEAD, LETTER = 50, 40, 44, 6.1
INK, GREY, RULE = "#202936", "#667085", "#d5dae1"
COLOURS = ["#2f6fb3", "#e08a2e", "#3c9d6b", "#b5475b", "#7b61b0", "#8a8f98", "#c9a227", "#4aa3b8"]

Rows = list[dict[str, Any]]


def shown(of: str, value: Any) -> str:
    """A value as the field's format would have it."""
    if value is None:
        return "∅"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    told = BLOCK.field(of).told
    if "percent" in told.get("value_format_name", ""):
        return f"{float(value) * 100:.{told['value_format_name'][-1]}f} %"
    if isinstance(value, float | Decimal):
        digits = len(told.get("value_format", "0.00").partition(".")[2])
        return f"{float(value):,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def label(of: str) -> str:
    told = BLOCK.field(of).told
    return told.get("label") or told["name"].replace("_", " ").capitalize()


def text(x: float, y: float, words: str, size: int = 11, **more: str) -> str:
    style = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}"{style}>{escape(words)}</text>'


def single(tile: Mapping[str, Any], rows: Rows, width: int, height: int) -> Iterator[str]:
    first, *more = [each for each in tile["fields"] if each not in tile.get("hidden_fields", ())]
    middle = {"text_anchor": "middle"}
    yield text(
        width / 2, height / 2 + 14, shown(first, rows[0][first]), 30, font_weight="600", **middle
    )
    if tile.get("show_comparison"):
        beside = ""
        if "dynamic_fields" in tile:
            now, before = (float(row[first] or 0) for row in rows[:2])
            beside = f"{(now - before) / before:+.0%} on" if before else "new since"
        elif tile["comparison_type"] == "progress_percentage":
            beside = f"{rows[0][first] / rows[0][more[0]]:.0%}"
        else:
            beside = shown(more[0], rows[0][more[0]])
        words = f"{beside} {tile['comparison_label']}"
        yield text(width / 2, height / 2 + 38, words, 12, fill=GREY, **middle)


def grid(tile: Mapping[str, Any], rows: Rows, width: int, height: int) -> Iterator[str]:
    columns = [[label(n), *(shown(n, row[n]) for row in rows)] for n in tile["fields"]]
    room = max(1, (height - 46) // 18)
    # A long id says nothing more than its beginning; a title may end in three dots.
    wanted = [
        min(24, max(min(len(head), 12), *map(len, cells[:room]))) + 2 for head, *cells in columns
    ]
    scale = (width - 24) / sum(wanted)
    x = 12.0
    for name, cells, wide in zip(tile["fields"], columns, wanted, strict=True):
        letters = max(3, int(wide * scale / LETTER) - 1)
        right = BLOCK.field(name).kind == "measure" and not isinstance(rows[0][name], datetime)
        for number, cell in enumerate(cells[: room + 1]):
            words = cell if len(cell) <= letters else f"{cell[: letters - 1]}…"
            fill = GREY if number == 0 else INK
            at = x + wide * scale - 10 if right else x
            anchor = "end" if right else "start"
            yield text(at, 44 + number * 18, words, 11, fill=fill, text_anchor=anchor)
        x += wide * scale
    yield f'<line x1="12" x2="{width - 12}" y1="50" y2="50" stroke="{RULE}"/>'
    if len(rows) > room:
        more = f"and {len(rows) - room} more"
        yield text(width - 12, 22, more, 11, fill=GREY, text_anchor="end")


def chart(tile: Mapping[str, Any], rows: Rows, width: int, height: int) -> Iterator[str]:
    """A line, bars that lie or columns, by Vega-Lite."""
    pivots = tile.get("pivots", [])
    measures = [n for n in tile["fields"] if BLOCK.field(n).kind == "measure"]
    dimensions = [n for n in tile["fields"] if n not in measures and n not in pivots]
    values = [
        {
            "x": " · ".join(shown(n, row[n]) for n in dimensions if row[n] is not None) or "∅",
            "y": float(row[measure] or 0),
            "colour": shown(pivots[0], row[pivots[0]]) if pivots else label(measure),
        }
        for row in rows
        for measure in measures
    ]
    names = list(dict.fromkeys(value["x"] for value in values))[:14]
    lying = tile["type"] == "looker_bar"
    x = {
        "field": "x",
        "type": "ordinal",
        "title": None,
        "sort": None,
        "axis": {"labelLimit": 190, "labelAngle": 0},
    }
    y = {"field": "y", "type": "quantitative", "title": None, "axis": {"tickCount": 4}}
    if not lying and len(names) > 6:
        x["axis"] |= {"labelAngle": -35}
    mark: dict[str, Any] = (
        {"type": "line", "point": True} if tile["type"] == "looker_line" else {"type": "bar"}
    )
    encoding: dict[str, Any] = {"x": y, "y": x} if lying else {"x": x, "y": y}
    several = len({value["colour"] for value in values}) > 1
    if several:
        encoding["color"] = {
            "field": "colour",
            "type": "nominal",
            "title": None,
            "scale": {"range": COLOURS},
        }
        if not pivots and "stacking" not in tile:
            encoding["xOffset"] = {"field": "colour"}
    specification = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": [value for value in values if value["x"] in names]},
        "mark": {**mark, "color": COLOURS[0]}, "encoding": encoding,
        "width": width - 24, "height": height - 44,
        "autosize": {"type": "fit", "contains": "padding"}, "background": None,
        "config": {"view": {"stroke": None}, "axis": {"gridColor": "#eef0f3", "domainColor": RULE}},
    }  # fmt: skip
    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    # Ids are of a document, and these are several in one.
    drawn = re.sub(r'(id="|url\(#)(\w)', rf"\1{tile['name']}-\2", drawn)
    yield drawn.replace("<svg ", '<svg x="12" y="34" ', 1)


DRAWN = {"single_value": single, "looker_grid": grid}


def card(tile: Mapping[str, Any], rows: Rows) -> str:
    x, y = tile["col"] * UNIT, HEAD + tile["row"] * LINE
    width, height = tile["width"] * UNIT - 10, tile["height"] * LINE - 10
    inside = [f'<rect width="{width}" height="{height}" rx="6" fill="#fff" stroke="{RULE}"/>']
    if tile["type"] == "text":
        lines = re.findall(r".{1,190}(?:\s|$)", tile["body_text"])
        inside += [text(12, 24 + n * 18, line, 12, fill=GREY) for n, line in enumerate(lines)]
    else:
        inside.append(f"<title>{escape(tile['note_text'])}</title>")
        inside.append(text(12, 22, tile["title"], 13, font_weight="600"))
        inside += DRAWN.get(tile["type"], chart)(tile, rows, width, height)
    return f'<g transform="translate({x + 5},{y})">{"".join(inside)}</g>'


def board(client: Any, told: Mapping[str, Any]) -> str:
    cards = []
    for tile in told["elements"]:
        rows: Rows = []
        if tile["type"] != "text":
            query = tile_query(BLOCK, tile, Period(BEGIN, END), PERIODS)
            found = client.query(Compiler(BLOCK, query).sql()).result()
            rows = [{n: row[n.replace(".", "__")] for n in tile["fields"]} for row in found]
            rows = rows[: tile.get("limit", 500)]
        cards.append(card(tile, rows) if rows or tile["type"] == "text" else empty(tile))
    height = HEAD + LINE * max(tile["row"] + tile["height"] for tile in told["elements"])
    note = "Preview: a generated month of 200 people, drawn without Looker"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 {height}" width="1200" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif" fill="{INK}">\n'
        f'<rect width="1200" height="{height}" fill="#f6f7f9"/>\n'
        + text(10, 28, told["title"], 18, font_weight="600")
        + text(1190, 28, note, 12, fill=GREY, text_anchor="end")
        + "\n".join(["", *cards, "</svg>\n"])
    )


def empty(tile: Mapping[str, Any]) -> str:
    return card(
        {**tile, "type": "text", "body_text": f"{tile['title']}: no rows in this month"}, []
    )


def main() -> None:
    month = Month()
    plant(month)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_warehouse(Path(folder)) as warehouse:
        client = warehouse.client()
        apply_contract(client)
        month.load(client)
        for told in dashboards():
            name = told["dashboard"].removeprefix("tailnumber_").replace("_", "-")
            path = IMAGES / f"looker-{name}.svg"
            path.write_text(board(client, told))
            sys.stdout.write(f"wrote {path.name}, {path.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
