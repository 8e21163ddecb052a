"""Read a source's CSV strictly: known columns, no duplicates, one clear sentence for a fault. Pure.

UTF-8 with or without a byte order mark, a header line, commas, RFC 4180 quotes. An empty cell says
that the value is not known. Errors name file, line and column, never a value: a directory's values
are people.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.errors import SourceError
from schemas.fields import SHORT

# Longest cell, also of what csv itself accepts; mail addresses are the longest that a column takes.
_CELL_CHARACTERS_MAX: Final = 320


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: where it stands and its cells by column, stripped; ``""`` is unknown."""

    file: str
    number: int
    cells: dict[str, str]

    def error(self, sentence: str) -> SourceError:
        """Return the error that says what is wrong on this line."""
        return SourceError(f"{self.file}, line {self.number}: {sentence}")

    def text(self, column: str, characters_max: int = SHORT) -> str | None:
        """Return a cell, or ``None`` if it is empty or the file has no such column.

        Raises:
            SourceError: it is longer than the warehouse's column.
        """
        cell = self.cells.get(column, "")
        if len(cell) > characters_max:
            raise self.error(f"{column} is longer than {characters_max} characters")
        return cell or None

    def needed(self, column: str) -> str:
        """Return a cell that may not be empty.

        Raises:
            SourceError: it is empty or too long.
        """
        cell = self.text(column)
        if cell is None:
            raise self.error(f"{column} is empty")
        return cell


def read_lines(
    data: bytes, file: str, required: Sequence[str], optional: Sequence[str]
) -> Iterator[Line]:
    """Yield the rows of a CSV file whose header has the required and only known columns.

    Raises:
        SourceError: the file is not such a table; says where and why.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{file}, line {line}: not UTF-8 text") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, file, required, optional)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise SourceError(
                    f"{file}, line {reader.line_num}: {len(cells)} cells, the header has "
                    f"{len(header)}"
                )
            named = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            line_ = Line(file, reader.line_num, named)
            if any(len(cell) > _CELL_CHARACTERS_MAX or "\0" in cell for cell in cells):
                raise line_.error(f"a cell is longer than {_CELL_CHARACTERS_MAX} characters")
            yield line_
    except csv.Error:
        # The library's own words may quote the line.
        raise SourceError(
            f"{file}, line {reader.line_num}: not CSV; write quotes as RFC 4180 says"
        ) from None


def _check_header(
    header: Sequence[str], file: str, required: Sequence[str], optional: Sequence[str]
) -> None:
    known = (*required, *optional)
    columns = f"the columns are {', '.join(known)}"
    if not any(header):
        raise SourceError(f"{file}, line 1: no header; {columns}")
    for name in header:
        if name not in known:
            shown = name[:40] if name.isprintable() else "?"
            raise SourceError(f"{file}, line 1: unknown column {shown!r}; {columns}")
        if header.count(name) > 1:
            raise SourceError(f"{file}, line 1: column {name!r} stands there twice")
    for name in required:
        if name not in header:
            raise SourceError(f"{file}, line 1: column {name!r} is missing; {columns}")
