"""Enough of Looker to ask the block's explores of the one-machine warehouse: LookML to BigQuery SQL.

Knows the parameters that the block uses and refuses any other, so that a part of the block that
nothing tests cannot slip in. Where Looker would answer wrongly (a sum over rows that a join has
multiplied) it refuses too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import lkml
import yaml

BLOCK = Path(__file__).parents[2] / "schemas" / "looker"
# lkml's name of a list -> what one of them is.
KINDS = {
    "dimensions": "dimension",
    "dimension_groups": "dimension_group",
    "measures": "measure",
    "filters": "filter",
}
WEEK = "DATE_SUB(DATE({0}), INTERVAL MOD(EXTRACT(DAYOFWEEK FROM {0}) + 5, 7) DAY)"
FRAMES = {
    "raw": "{0}", "time": "{0}", "date": "DATE({0})", "week": WEEK,
    "month": "DATE_TRUNC(DATE({0}), MONTH)", "quarter": "DATE_TRUNC(DATE({0}), QUARTER)",
    "year": "EXTRACT(YEAR FROM {0})",
}  # fmt: skip
AGGREGATES = {
    "count_distinct": "COUNT(DISTINCT {})", "sum": "COALESCE(SUM({}), 0)", "average": "AVG({})",
    "max": "MAX({})", "min": "MIN({})",
}  # fmt: skip
_REFERENCE = re.compile(r"\$\{(\w+(?:\.\w+)?)\}")
_LIQUID = re.compile(r"\{% (date_start|date_end) ([\w.]+) %\}")


class NotInLooker(Exception):
    """The block names something that is not there, or that would be answered wrongly."""


@dataclass(frozen=True)
class Field:
    view: str
    name: str
    kind: str
    type: str
    told: Mapping[str, Any]

    @property
    def id(self) -> str:
        return f"{self.view}.{self.name}"

    @property
    def grants(self) -> frozenset[str]:
        return frozenset(self.told.get("required_access_grants", ()))


@dataclass(frozen=True)
class Period:
    begin: datetime
    end: datetime


@dataclass(frozen=True)
class Query:
    """What a tile or a data test asks."""

    explore: str
    fields: Sequence[str]
    filters: Mapping[str, str | Period]
    sorts: Sequence[str] = ()
    limit: int = 5000


@dataclass
class Block:
    """The whole project, refinements applied and ``extends`` followed."""

    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    explores: dict[str, dict[str, Any]] = field(default_factory=dict)
    tests: list[dict[str, Any]] = field(default_factory=list)
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def field(self, name: str) -> Field:
        """The field that ``view.field`` or ``view.group_timeframe`` names."""
        view, _, short = name.partition(".")
        for kind, told in self.views.get(view, {}).get("fields", {}).values():
            if kind == "dimension_group" and short.startswith(f"{told['name']}_"):
                frame = short.removeprefix(f"{told['name']}_")
                if frame in told["timeframes"]:
                    return Field(view, short, kind, frame, told)
            elif told["name"] == short:
                return Field(view, short, kind, told.get("type", "string"), told)
        raise NotInLooker(f"no field {name}")

    def fields(self, view: str) -> list[Field]:
        """Every field of a view, a group of times as its days."""
        return [
            self.field(f"{view}.{told['name']}{'_date' if kind == 'dimension_group' else ''}")
            for kind, told in self.views[view]["fields"].values()
        ]

    def always(self, explore: str) -> list[str]:
        """The fields that an explore always filters by."""
        groups = self.explores[explore]["always_filter"]["filters__all"]
        return [name for group in groups for each in group for name in each]

    def references(self, name: str) -> set[str]:
        """The fields that a field's SQL and filters name, directly."""
        own = self.field(name)
        named = [*_REFERENCE.findall(own.told.get("sql", "")), *_filters(own.told)]
        return {_full(each, own.view) for each in named if each != "TABLE"}


def load(folder: Path = BLOCK) -> Block:
    """Read every file of the project."""
    block = Block()
    refined = []
    for path in sorted(folder.rglob("*.lkml")):
        file = lkml.load(path.read_text())
        block.constants |= {each["name"]: each["value"] for each in file.get("constants", ())}
        block.grants |= {each["name"]: each for each in file.get("access_grants", ())}
        block.explores |= {each["name"]: each for each in file.get("explores", ())}
        block.tests += file.get("tests", ())
        for view in file.get("views", ()):
            if view["name"].startswith("+"):
                refined.append(view)
            else:
                block.views[view["name"]] = {**view, "fields": _by_name(view)}
    for view in refined:
        fields = block.views[view["name"][1:]]["fields"]
        for name, (kind, told) in _by_name(view).items():
            if name in fields:
                raise NotInLooker(f"{view['name']}.{name} stands twice")
            fields[name] = (kind, told)
    return block


def dashboards(folder: Path = BLOCK) -> list[dict[str, Any]]:
    files = sorted((folder / "dashboards").glob("*.dashboard.lookml"))
    return [one for path in files for one in yaml.safe_load(path.read_text())]


def tile_query(
    block: Block,
    tile: Mapping[str, Any],
    period: Period,
    periods: Mapping[str, Period],
    **filters: str,
) -> Query:
    """What a tile asks; ``periods`` are what expressions of its own, such as ``2 weeks``, mean."""
    given = {name: periods.get(value, value) for name, value in tile.get("filters", {}).items()}
    for name in block.always(tile["explore"]):
        given.setdefault(name, period)
    return Query(tile["explore"], tile["fields"], {**given, **filters}, tile.get("sorts", ()))


def _by_name(view: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        told["name"]: (kind, told) for many, kind in KINDS.items() for told in view.get(many, ())
    }


def _full(name: str, view: str) -> str:
    return name if "." in name else f"{view}.{name}"


def _filters(told: Mapping[str, Any]) -> dict[str, str]:
    groups = told.get("filters__all", ())
    return {name: value for group in groups for each in group for name, value in each.items()}


class Compiler:
    """Compiles one query; ``sql`` is it, over views without a dataset of another name."""

    def __init__(self, block: Block, query: Query, dataset: str = "audit") -> None:
        self.block, self.query, self.dataset = block, query, dataset
        self.explore = self._extended(query.explore)
        self.base = query.explore
        self._joined: list[str] = []
        named = {*query.fields, *query.filters}
        for name in sorted(named):
            self._need(name)
        self.fanned = any(
            self._join(view)["relationship"] == "one_to_many" for view in self._joined
        )

    def sql(self) -> str:
        fields = [self.block.field(name) for name in self.query.fields]
        dimensions = [f for f in fields if f.kind != "measure"]
        selected = [f"{self.value(f)} AS {f.view}__{f.name}" for f in fields]
        where, having = self._conditions()
        text = f"SELECT {', '.join(selected)}\nFROM {self._source(self.base)}"
        text += "".join(f"\n{self._join_sql(view)}" for view in self._joined)
        text += f"\nWHERE {' AND '.join(where)}"
        if dimensions:
            text += f"\nGROUP BY {', '.join(str(1 + fields.index(f)) for f in dimensions)}"
        if having:
            text += f"\nHAVING {' AND '.join(having)}"
        if self.query.sorts:
            text += f"\nORDER BY {', '.join(map(self._sort, self.query.sorts))}"
        return f"{text}\nLIMIT {self.query.limit}"

    def _extended(self, name: str) -> dict[str, Any]:
        if name not in self.block.explores:
            raise NotInLooker(f"no explore {name}")
        explore = self.block.explores[name]
        joins = [*explore.get("joins", ())]
        for each in [n for group in explore.get("extends__all", ()) for n in group]:
            joins += self.block.explores[each].get("joins", ())
        return {**explore, "joins": joins}

    def _join(self, view: str) -> dict[str, Any]:
        for join in self.explore["joins"]:
            if join["name"] == view:
                return join
        raise NotInLooker(f"{self.base} does not join {view}")

    def _need(self, name: str) -> None:
        """Join the view of a field and of what the field is made of."""
        view = self.block.field(name).view
        if view != self.base and view not in self._joined:
            self._join(view)
            self._joined.append(view)
        for each in self.block.references(name):
            self._need(each)

    def _source(self, view: str) -> str:
        told = self.block.views[view]
        if "derived_table" in told:
            sql = self._constants(self._liquid(told["derived_table"]["sql"]))
            return f"(\n{sql}\n) AS {view}"
        return f"{self._constants(told['sql_table_name'])} AS {view}"

    def _join_sql(self, view: str) -> str:
        join = self._join(view)
        if "sql" in join:
            return self._resolved(join["sql"], view)
        kind = {"left_outer": "LEFT JOIN"}[join["type"]]
        on = self._liquid(self._resolved(join["sql_on"], view))
        return f"{kind} {self._source(view)} ON {on}"

    def _constants(self, text: str) -> str:
        values = {**self.block.constants, "TAILNUMBER_DATASET": self.dataset}
        return re.sub(r"@\{(\w+)\}", lambda found: values[found[1]], text)

    def _liquid(self, text: str) -> str:
        def bound(found: re.Match[str]) -> str:
            period = self.query.filters.get(found[2])
            if not isinstance(period, Period):
                raise NotInLooker(f"{found[2]} bounds nothing")
            return _time(period.begin if found[1] == "date_start" else period.end)

        return _LIQUID.sub(bound, text)

    def _resolved(self, sql: str, view: str) -> str:
        def one(found: re.Match[str]) -> str:
            if found[1] == "TABLE":
                return view
            return f"({self.value(self.block.field(_full(found[1], view)))})"

        if re.match(r"LEFT JOIN UNNEST", sql):
            return _REFERENCE.sub(lambda f: one(f).strip("()"), sql)
        return _REFERENCE.sub(one, sql)

    def value(self, of: Field) -> str:
        """A field as SQL; a measure with its aggregate."""
        if of.kind != "measure":
            sql = self._resolved(of.told["sql"], of.view)
            return FRAMES[of.type].format(sql) if of.kind == "dimension_group" else sql
        if of.type in ("number", "date_time"):
            if self.fanned and of.view == self.base and of.type == "number":
                raise NotInLooker(f"{of.id} over multiplied rows")
            return self._resolved(of.told["sql"], of.view)
        conditions = [
            self._condition(_full(name, of.view), value)
            for name, value in _filters(of.told).items()
        ]
        if of.type == "count":
            return self._count(of.view, conditions)
        inner = self._resolved(of.told["sql"], of.view)
        if conditions:
            inner = f"CASE WHEN {' AND '.join(conditions)} THEN {inner} END"
        if self.fanned and of.view == self.base and of.type in ("sum", "average"):
            raise NotInLooker(f"{of.id} over multiplied rows")
        return AGGREGATES[of.type].format(inner)

    def _count(self, view: str, conditions: list[str]) -> str:
        key = self.value(self.block.field(f"{view}.row_key"))
        distinct = "DISTINCT " if self.fanned or view != self.base else ""
        counted = f"CASE WHEN {' AND '.join(conditions)} THEN {key} END" if conditions else key
        return f"COUNT({distinct}{counted})"

    def _conditions(self) -> tuple[list[str], list[str]]:
        where, having = [], []
        for name in self.block.always(self.base):
            if not isinstance(self.query.filters.get(name), Period):
                raise NotInLooker(f"{self.base} is asked without a period of {name}")
        for name, value in self.query.filters.items():
            of = self.block.field(name)
            if of.kind == "filter":
                where.append("TRUE")
            else:
                (having if of.kind == "measure" else where).append(self._condition(name, value))
        return where, having

    def _condition(self, name: str, value: str | Period) -> str:
        of = self.block.field(name)
        if isinstance(value, Period):
            raw = self._resolved(of.told["sql"], of.view)
            return f"({raw} >= {_time(value.begin)} AND {raw} < {_time(value.end)})"
        sql = self.value(of)
        if of.type == "yesno":
            return f"{'' if value == 'yes' else 'NOT '}COALESCE({sql}, FALSE)"
        if of.type == "number" or of.kind == "measure":
            return _number(sql, value)
        return _string(sql, value)

    def _sort(self, sort: str) -> str:
        name, _, down = sort.partition(" ")
        if name not in self.query.fields:
            raise NotInLooker(f"sorted by {name}, which is not asked for")
        return f"{name.replace('.', '__')}{' DESC' if down else ''}"


def _time(at: datetime) -> str:
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}+00'"


def _number(sql: str, value: str) -> str:
    if value in ("NULL", "NOT NULL"):
        return f"{sql} IS {value}"
    found = re.fullmatch(r"(>=|<=|>|<|) ?(\d+)", value)
    if not found:
        raise NotInLooker(f"the filter {value!r} of a number")
    return f"{sql} {found[1] or '='} {found[2]}"


def _string(sql: str, value: str) -> str:
    """Looker's filter expression: values, ``-`` before one for not, ``^`` before what is meant so."""
    yes, no = [], []
    for each in value.split(","):
        bare = each.removeprefix("-")
        if re.search(r"(?<!\^)[%_]", bare) or bare == "EMPTY":
            raise NotInLooker(f"{value!r} matches more than it says: put ^ before a _")
        literal = "'" + re.sub(r"\^(.)", r"\1", bare) + "'"
        (no if each.startswith("-") else yes).append("NULL" if bare == "NULL" else literal)
    if "NULL" in yes + no:
        return f"{sql} IS {'NOT ' if no else ''}NULL"
    if no:
        return f"({sql} NOT IN ({', '.join(no)}) OR {sql} IS NULL)"
    return f"{sql} IN ({', '.join(yes)})"
