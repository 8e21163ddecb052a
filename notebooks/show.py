"""Show findings so that an executive can read them: sentences, plain tables, calm pictures.

Colours are of Okabe and Ito's set, told apart by every kind of colour sight; orange is kept for what
needs somebody to act. Pictures are drawn here, as SVG, by vl-convert: no browser library is fetched.
Names of files, repositories, programs and people come from whoever sent a request, so whatever is
shown is escaped.
"""

import html
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import altair as alt
import polars as pl
from IPython.display import HTML, Markdown, SVG, display

BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#9A9A9A", "#222222"
WIDTH = 640
# Times of a picture are UTC whatever the machine's own zone; room for dots and names at both ends.
UTC = alt.Scale(type="utc", padding=20)
ROWS_MAX = 60
BOX = "☐"

_MARKDOWN = str.maketrans({each: f"\\{each}" for each in "\\`*_[]#|~"})


@alt.theme.register("tailnumber", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {
        "config": {
            "font": "sans-serif",
            "background": "white",
            "view": {"stroke": None},
            "title": {
                "anchor": "start",
                "fontSize": 15,
                "color": INK,
                "subtitleColor": "#555555",
                "offset": 14,
            },
            "axis": {
                "grid": False,
                "labelColor": INK,
                "titleFontWeight": "normal",
                "labelLimit": 260,
            },
            "axisQuantitative": {"grid": True, "gridColor": "#E6E6E6"},
            "bar": {"color": BLUE},
            "line": {"color": BLUE, "strokeWidth": 2.5},
            "legend": {"orient": "top", "title": None, "labelColor": INK},
        }
    }


def quoted(value: Any) -> str:
    """Return what somebody else wrote so that Markdown shows it and nothing more."""
    return html.escape("–" if value is None else str(value)).translate(_MARKDOWN)


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Return ``1 person``, ``2 people``."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def when(at: datetime) -> str:
    """Return ``5 October 2026 11:00 UTC``."""
    return f"{at.day} {at:%B %Y %H:%M} UTC"


def say(text: str) -> None:
    """Show a sentence or a heading, in Markdown."""
    display(Markdown(text))


def picture(chart: Any) -> None:
    """Show a chart as a picture."""
    import vl_convert

    # Nothing may be fetched from anywhere while it is drawn.
    display(SVG(vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[])))


def table(
    frame: pl.DataFrame, *columns: str, title: str, empty: str = "None.", rows_max: int = ROWS_MAX
) -> None:
    """Show rows, all columns or the named ones; says how many it leaves out."""
    say(f"**{title}**")
    if frame.is_empty():
        say(empty)
        return
    shown = frame.select(columns) if columns else frame
    numeric = {name for name, kind in shown.schema.items() if kind.is_numeric()}
    lines = ["<table>", "<thead><tr>"]
    lines += [f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in shown.columns]
    lines += ["</tr></thead>", "<tbody>"]
    for row in shown.head(rows_max).iter_rows(named=True):
        cells = (
            f'<td align="{"right" if name in numeric else "left"}">{_cell(value)}</td>'
            for name, value in row.items()
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    lines += ["</tbody>", "</table>"]
    display(HTML("\n".join(lines)))
    if (more := len(frame) - rows_max) > 0:
        say(f"… and {counted(more, 'more row')}.")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if abs(value) >= 0.005 or value == 0:
            return f"{value:,.2f}"
        return f"{Decimal(f'{value:.2g}'):f}"  # 0.000065, never 6.5e-05
    if isinstance(value, list):
        return html.escape(", ".join(map(str, value))) or "–"
    return "–" if value is None else html.escape(str(value))
