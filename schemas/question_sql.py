"""Hold the SQL of a shipped question to the rules that keep it cheap, steady and true. Pure.

It asks views of the contract, never a table with a version; it filters each on its partition
column by a lower bound, as the tables require; it names its columns; it takes every time from a
parameter, so that an answer can be given again; and it orders its rows by its own columns. This
reads words and brackets, no grammar: in the tests ZetaSQL analyses the same files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.base import ContractError
from schemas.tables import TABLES, Table
from schemas.views import TIE_BREAKERS

VIEWS: Final[Mapping[str, Table]] = MappingProxyType(
    {table.view_id: table for table in TABLES.values()}
)
_DATASETS: Final = "|".join(sorted({table.dataset for table in TABLES.values()}))

# What says nothing of the structure: comments and texts.
_TEXT: Final = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_SILENT: Final = re.compile(rf"--[^\n]*|#[^\n]*|/\*.*?\*/|{_TEXT}", re.DOTALL)
_VIEW: Final = re.compile(rf"\b(?:{_DATASETS})\.\w+", re.IGNORECASE)
# A FROM that asks nothing: of EXTRACT and of IS DISTINCT FROM.
_OTHER_FROM: Final = re.compile(
    r"(\bEXTRACT\s*\(\s*\w+(?:\s*\(\s*\w+\s*\))?|\bDISTINCT)\s+FROM\b", re.IGNORECASE
)
_ASKED: Final = re.compile(
    r"\b(?:FROM|JOIN)\s+(\w+(?:\.\w+)+)(?:\s+AS\s+(\w+))?(\s*,)?", re.IGNORECASE
)
_SUBQUERY: Final = re.compile(r"\(\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_SET: Final = re.compile(r"\b(?:UNION|EXCEPT|INTERSECT)\s+(?:ALL|DISTINCT)\b", re.IGNORECASE)
_CLOCK: Final = re.compile(r"\b(CURRENT_\w+|RAND|GENERATE_UUID)\b", re.IGNORECASE)
_STAR: Final = re.compile(r"(?:\bSELECT(?:\s+DISTINCT)?\s|,)\s*(?:\w+\.)?\*", re.IGNORECASE)
_READS: Final = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_WRITES: Final = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|TRUNCATE|EXPORT|CALL|DECLARE)\b",
    re.IGNORECASE,
)
_ORDER_KEY: Final = re.compile(r"(\w+)(?:\s+(?:ASC|DESC))?", re.IGNORECASE)
# What BigQuery can compare with a partition before it reads one. Source: BigQuery, "Query
# partitioned tables": a constant expression.
_CONSTANT: Final = r"(?:@\w+|TIMESTAMP\s+''|TIMESTAMP_(?:SUB|ADD)\s*\(\s*@\w+)"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement tells of itself: the columns it reads, by view, and what orders its rows."""

    reads: Mapping[str, tuple[str, ...]]
    order_by: tuple[str, ...]


def examine(sql: str, parameters: Sequence[str], columns: Sequence[str]) -> Statement:
    """Return what a statement reads and is ordered by.

    Raises:
        ContractError: it breaks a rule.
    """
    bare = _SILENT.sub(lambda found: "''" if found[0][0] in "'\"" else " ", sql)
    bare = _OTHER_FROM.sub(r"\1", bare.replace("`", "").strip().removesuffix(";"))
    _check_words(bare)
    _check_parameters(bare, parameters)
    asked = [view for select in _selects(bare) for view in _asked(select)]
    if len(asked) != len(_VIEW.findall(bare)):
        raise ContractError("each view stands after FROM or JOIN of its own")
    if not asked:
        raise ContractError("it asks no view of the contract")
    reads = {view: _columns_read(view, bare) for view in sorted(asked)}
    return Statement(MappingProxyType(reads), _order(bare, columns))


def _check_words(bare: str) -> None:
    if ";" in bare:
        raise ContractError("it is one statement")
    if not _READS.match(bare) or _WRITES.search(bare):
        raise ContractError("it only reads: SELECT, or WITH and SELECT")
    if clock := _CLOCK.search(bare):
        raise ContractError(f"{clock[1]} says something else each time: take a parameter")
    if _STAR.search(bare):
        raise ContractError("it names its columns: no *")


def _check_parameters(bare: str, declared: Sequence[str]) -> None:
    used = re.findall(r"@(\w+)", bare)
    for name in sorted({*used, *declared}):
        if name not in declared:
            raise ContractError(f"@{name} is not declared as a parameter")
        if name not in used:
            raise ContractError(f"the parameter {name} is not used")


def _selects(bare: str) -> Iterator[str]:
    """Yield each SELECT without the queries inside it, which come as SELECTs of their own."""
    own: list[str] = []
    at = 0
    while inner := _SUBQUERY.search(bare, at):
        end = _closing(bare, inner.start())
        own += bare[at : inner.start()], "()"
        yield from _selects(bare[inner.start() + 1 : end])
        at = end + 1
    own.append(bare[at:])
    yield from _SET.split("".join(own))


def _closing(text: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    raise ContractError("its brackets do not match")


def _asked(select: str) -> Iterator[str]:
    """Yield the views of one SELECT, each filtered on its partition column."""
    found = _ASKED.findall(select)
    for view, alias, comma in found:
        if view not in VIEWS:
            known = ", ".join(VIEWS)
            raise ContractError(f"{view} is none of its views, which are {known}")
        if comma and not re.search(r",\s*UNNEST\b", select, re.IGNORECASE):
            raise ContractError(f"{view}: write JOIN, not a comma")
        field = VIEWS[view].partition_field
        prefix = rf"{alias}\." if len(found) > 1 else rf"(?:{alias}\.)?" if alias else ""
        bound = rf"(?<![\w.]){prefix}{field}\s*(?:>=|>|=|BETWEEN)\s*{_CONSTANT}"
        if not re.search(bound, select, re.IGNORECASE):
            raise ContractError(f"{view}: filter {field} from a parameter on: {field} >= @since")
        yield view


def _columns_read(view: str, bare: str) -> tuple[str, ...]:
    """Return the columns that BigQuery reads: the named ones, and those that make a row one."""
    table = VIEWS[view]
    named = {*re.findall(r"\w+", bare), *table.identity, table.latest_first, *TIE_BREAKERS}
    return tuple(name for name in table.row.model_fields if name in named)


def _order(bare: str, columns: Sequence[str]) -> tuple[str, ...]:
    last = bare[bare.rfind(")") + 1 :] if ")" in bare else bare
    parts = re.split(r"\bORDER\s+BY\b", last, flags=re.IGNORECASE)
    if len(parts) == 1:
        raise ContractError("it ends with ORDER BY, so that an answer has one order")
    keys = re.split(r"\bLIMIT\b", parts[-1], flags=re.IGNORECASE)[0].split(",")
    names = [found[1] if (found := _ORDER_KEY.fullmatch(key.strip())) else "" for key in keys]
    for name in names:
        if name not in columns:
            raise ContractError("ORDER BY at the end takes columns of the answer, by name")
    return tuple(names)
