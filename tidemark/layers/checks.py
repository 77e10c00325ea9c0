"""Compose checks: what each measures of the rows of its layer, in one number.

A check of rows counts those that break it. What is already known to hold is not looked at again:
of most kinds, a row that held and was not written since holds still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tidemark.declare.check import Check, OfRows, Placed
from tidemark.declare.check_kinds import (
    AcceptedValues,
    Between,
    Freshness,
    Matches,
    NotNull,
    Query,
    Reconcile,
    Relationships,
    RowCount,
    Sides,
    Unique,
)
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.layers import deltas, mirror
from tidemark.model import Layer
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one entity in one layer, as its checks look at them."""

    area: str
    entity: str
    table: Composable
    key: tuple[str, ...]
    """Columns with the natural key."""
    is_live: Composable
    """Condition over `r`: the row counts."""
    is_there: Composable
    """Condition over `o`: another row may name it."""
    written: Callable[[int], Composable]
    """Relation of the rows that were written after a batch."""
    lost: Callable[[int], Composable | None]
    """Query whether a row is gone since a batch, which others may name; None: one may be."""
    is_raw: bool = False
    """Whether rows count that the layer could not take, and keys that came twice."""
    pointing: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Column -> the entity that it points at, and the columns of it that it holds, where these are
    not its natural key."""


All = Mapping[str, Rows]
"""Entity -> its rows."""


def of_mirror(area: str, entity: Entity, layer: Layer) -> Rows:
    """Return the rows of a mirror."""
    target = mirror.bare(entity, layer)

    def written(since: int) -> Composable:
        return deltas.written(target, after=since)

    def lost(since: int) -> Composable:
        name = db.literal(entity.name)
        return compose.statement(__name__, "lost", entity=name, written=written(since))

    return Rows(
        area,
        entity.name,
        target.name,
        entity.row_key,
        compose.statement(__name__, "is_live"),
        compose.statement(__name__, "is_there"),
        written,
        lost,
        is_raw=layer == "mrr",
    )


def of_mirrors(area: Area, layer: Layer) -> All:
    """Return the rows of all mirrors of an area in MRR or STG."""
    entities = (area.sourced if layer == "mrr" else area).entities
    return {name: of_mirror(area.area, entity, layer) for name, entity in entities.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """A check, and what it looks at this time."""

    placed: Placed
    rows: Rows | None
    """None: it is of no entity."""
    others: All
    since: int = 0
    """Only rows that were written after this batch may break it."""

    @property
    def number(self) -> Composable:
        """What it measures, over the rows `r` that it judges; of a check without rows, a value."""
        check, rows = self.placed.check, self.rows
        match check:
            case Query():
                return compose.statement(__name__, "of_query", query=db.raw(check.sql))
            case Reconcile():
                return compose.statement(__name__, "unlike", sides=sides(check.reconcile))
        assert rows is not None, "area.yml: other kinds are of an entity"
        match check:
            case Freshness():
                return self._age(check)
            case RowCount():
                return self._count(rows)
            case Unique():
                return self._repeated(rows, check)
        return self._bad_rows(rows)

    @property
    def looked(self) -> Composable:
        """Condition over `r` for which the check looks at a row."""
        said = self.placed.check.condition
        if not said:
            return compose.statement(__name__, "all_rows")
        return compose.statement(__name__, "looked", looked=db.raw(said))

    @property
    def bad(self) -> Composable:
        """Condition over `r`, of a check of single rows."""
        check = self.placed.check
        if isinstance(check, Relationships):
            return self._points_nowhere(check)
        return broken_by(check)

    def _bad_rows(self, rows: Rows) -> Composable:
        parts: Parts = {"looked": self.looked, "bad": self.bad}
        columns = self.placed.check.columns
        if isinstance(self.placed.check, NotNull) and rows.is_raw and {*columns} & {*rows.key}:
            lacking = compose.statement(
                __name__,
                "refused_without",
                area=db.literal(rows.area),
                entity=db.literal(rows.entity),
                columns=db.literal(list(columns)),
            )
            return compose.statement(__name__, "bad_rows_and_refused", parts, refused=lacking)
        return compose.statement(__name__, "bad_rows", parts)

    def _count(self, rows: Rows) -> Composable:
        if not rows.is_raw:
            return compose.statement(__name__, "count_rows", looked=self.looked)
        refused = compose.statement(
            __name__,
            "refused",
            area=db.literal(rows.area),
            entity=db.literal(rows.entity),
            since=db.literal(self.since),
        )
        return compose.statement(
            __name__, "count_rows_and_refused", looked=self.looked, refused=refused
        )

    def _age(self, check: Freshness) -> Composable:
        moment = check.freshness.column
        parts: Parts = {"column": Columns((moment.column,)), "looked": self.looked}
        if moment.zone is None:
            return compose.statement(__name__, "age", parts)
        return compose.statement(__name__, "age_in_zone", parts, zone=db.literal(moment.zone))

    def _repeated(self, rows: Rows, check: Unique) -> Composable:
        if rows.is_raw and {*check.unique} == {*rows.key}:
            # The mirror has a key once, so it is known from when it landed.
            return compose.statement(
                __name__,
                "repeated_in_items",
                area=db.literal(rows.area),
                entity=db.literal(rows.entity),
            )
        parts: Parts = {
            "rows": rows.table,
            "is_live": rows.is_live,
            "columns": Columns(check.unique),
        }
        is_shown = compose.statement(__name__, "all_rows")
        if self.since:
            written = compose.statement(__name__, "written_rows", {**parts, **self.relation})
            columns = Columns(check.unique)
            is_shown = compose.statement(__name__, "is_shown", columns=columns, written=written)
        return compose.statement(__name__, "repeated", parts, looked=self.looked, is_shown=is_shown)

    def _points_nowhere(self, check: Relationships) -> Composable:
        to = self.others[check.relationships.to]
        assert self.rows is not None, "area.yml: it is of an entity"
        pointed, key = self.rows.pointing.get(check.columns[0], ("", ()))
        return compose.statement(
            __name__,
            "points_nowhere",
            others=to.table,
            is_there=to.is_there,
            columns=Columns(check.columns),
            key=Columns(key if pointed == to.entity else to.key),
        )

    @property
    def relation(self) -> Parts:
        """The rows that it judges, for a statement that reads them."""
        assert self.rows is not None, "only checks of an entity read rows"
        rows = self.rows.written(self.since) if self.since else self.rows.table
        return {"rows": rows, "is_live": self.rows.is_live}


def broken_by(check: Check, alias: str = "r") -> Composable:
    """Compose the condition for which a row breaks a check that judges it by itself.

    Its columns have the alias in front; with an empty one, nothing.
    """
    row: Parts = {"r": db.raw(alias)}
    match check:
        case NotNull():
            return compose.statement(__name__, "lacks", row, columns=Columns(check.not_null))
        case AcceptedValues():
            values = check.accepted_values.values
            is_text = any(isinstance(value, str) for value in values)
            return compose.statement(
                __name__,
                "is_none_of",
                row,
                column=Columns(check.columns, types=("text",) if is_text else ()),
                values=[db.literal(str(one) if is_text else one) for one in values],
            )
        case Matches():
            pattern = db.literal(check.matches.pattern)
            column = Columns(check.columns, types=("text",))
            return compose.statement(
                __name__, "does_not_match", row, column=column, pattern=pattern
            )
        case Between():
            return _beyond(check, row)
    raise AssertionError(f"{check.KIND} judges no single row")


def refuses(check: Check) -> Composable:
    """Compose the condition for which a check that rejects rows refuses one, without an alias."""
    looked = compose.statement(__name__, "all_rows")
    if check.condition:
        looked = compose.statement(__name__, "looked", looked=db.raw(check.condition))
    return compose.statement(__name__, "refuses", looked=looked, bad=broken_by(check, ""))


def _beyond(check: Between, row: Parts) -> Composable:
    bounds, column = check.between, Columns(check.columns)
    least, greatest = db.literal(bounds.min), db.literal(bounds.max)
    if bounds.max is None:
        return compose.statement(__name__, "is_below", row, column=column, least=least)
    if bounds.min is None:
        return compose.statement(__name__, "is_above", row, column=column, greatest=greatest)
    return compose.statement(
        __name__, "is_beyond", row, column=column, least=least, greatest=greatest
    )


def sides(said: Sides) -> Composable:
    """Compose the relation `s` of the numbers of two queries, side by side."""
    left = compose.statement(__name__, "side", query=db.raw(said.left))
    right = compose.statement(__name__, "side", query=db.raw(said.right))
    return compose.statement(
        __name__, "sides", left=left, right=right, tolerance=db.literal(said.tolerance)
    )


def statements(measured: Sequence[Measured]) -> list[Composable]:
    """Compose as few queries as there are tables: (places of checks, their measures)."""
    groups: dict[tuple[str, int], list[int]] = {}
    for place, one in enumerate(measured):
        reads = not isinstance(one.placed.check, Query | Reconcile | Unique)
        entity = one.placed.entity if reads else None
        groups.setdefault((entity or "", one.since if reads else 0), []).append(place)
    found: list[Composable] = []
    for (entity, _), places in groups.items():
        parts: Parts = {
            "places": db.literal(places),
            "measures": [measured[place].number for place in places],
        }
        if entity:
            relation = measured[places[0]].relation
            found.append(compose.statement(__name__, "of_rows", parts, **relation))
        else:
            found.append(compose.statement(__name__, "alone", parts))
    return found


def count_all(session: Session, one: Measured) -> int:
    """Count the rows that a check with a share looks at."""
    assert one.rows is not None, "area.yml: a share is of an entity's rows"
    parts: Parts = {"rows": one.rows.table, "is_live": one.rows.is_live, "looked": one.looked}
    found = compose.statement(__name__, "count_all", parts)
    return int(session.value(compose.statement(__name__, "alone_value", value=found)))


def lost(session: Session, asked: Sequence[tuple[Rows, int]]) -> set[str]:
    """Find the entities of which rows are gone since a batch, in one round trip."""
    queries = {rows.entity: rows.lost(since) for rows, since in asked}
    known = [query for query in queries.values() if query is not None]
    found = session.rows(compose.union_all(known)) if known else []
    unknown = {name for name, query in queries.items() if query is None}
    return unknown | {name for name, is_so in found if is_so}


def has_scope(placed: Placed) -> bool:
    """Whether a check may look only at what was written since it held of all rows."""
    check = placed.check
    if isinstance(check, RowCount):
        return check.scope == "batch"
    return isinstance(check, OfRows) and check.scope != "table"
