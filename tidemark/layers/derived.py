"""Derived entities: rows that a view makes of other entities' rows in STG.

After a batch's rows are in STG, the view is evaluated for the keys that old and new rows of its
inputs touch. What it makes is landed like rows that come from MRR, and goes through the same steps:
it may be refused, and becomes a mirror with a history. What it makes no more is landed as a delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.touch import Touch
from tidemark.errors import ContractError, refuse
from tidemark.layers import deltas, made, reads
from tidemark.layers.checking import first_of_each
from tidemark.layers.cleanse import Cleansing
from tidemark.layers.mirror import REASONS, Mirror
from tidemark.layers.reads import Reads
from tidemark.model import QualifiedName, Table
from tidemark.postgres import catalog, compose, db, question, refusals, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.worktable import WorkTable


@dataclass(frozen=True, slots=True)
class Derivation:
    """How one derived entity is made."""

    area: str
    entity: Entity
    view: Table
    """Its deriving view."""
    cleansing: Cleansing
    """What becomes of the rows that the view makes."""
    inputs: Mapping[str, Mirror]

    @property
    def keys(self) -> WorkTable:
        """The work table of the derived keys that are made anew."""
        types = {column.name: column.type for column in self.view.columns}
        return WorkTable(self.entity.work("touched"), worktable.typed(types, self.entity.key))

    @property
    def parts(self) -> Parts:
        """What fills the placeholders of the statements."""
        key, row_key = self.entity.key, self.entity.row_key
        rest = tuple(c for c in self.view.names if c not in {*row_key, REASONS})
        has_reasons = REASONS in self.view.names
        return {
            "area": db.literal(self.area),
            "entity": db.literal(self.entity.name),
            "view": db.name(*self.view.qualified_name),
            "mirror": self.cleansing.target.name,
            "landing": db.name(*self.entity.landing),
            "keys": self.keys.name,
            "nk": Columns(key),
            "nk_types": self._types(key),
            "rk": Columns(row_key),
            "rk_types": self._types(row_key),
            "rest": Columns(rest),
            "reasons": db.name("v", REASONS) if has_reasons else db.raw("array[]::text[]"),
        }

    def _types(self, columns: Sequence[str]) -> list[Composable]:
        return [db.raw(self.view.type_of(column)) for column in columns]


Views = tuple[dict[QualifiedName, Table], Reads]
"""The deriving views of an area, and entity -> what its view reads."""


def views(stg: Session, area: Area) -> Question[Views]:
    """Ask for the deriving views of an area, and for what they read."""
    places = [one.deriving_view for one in area.derived]
    return question.both(catalog.named(stg, places), reads.of_deriving(area))


@dataclass(frozen=True, slots=True)
class Landed:
    """What has landed of a derived entity."""

    rows: int
    left_out: int
    """Observations without a place in time: they are none."""

    def __bool__(self) -> bool:
        """Whether anything was made, or is made no more."""
        return bool(self.rows or self.left_out)

    def warning(self, entity: Entity) -> str | None:
        """Say that observations were left out."""
        if not self.left_out:
            return None
        view, place = ".".join(entity.deriving_view), entity.row_key[len(entity.key) :]
        return (
            f"{entity.name}: {self.left_out:,} rows of {view} have no {' or no '.join(place)}, so "
            "they are no observations. Give them one in the view."
        )


def read(stg: Session, area: Area, cleansings: Mapping[str, Cleansing]) -> dict[str, Derivation]:
    """Read how the derived entities of an area are made, each behind its inputs.

    Raises:
        ContractError: all that is wrong with their views; see `wrong`.
    """
    if not area.derived:
        return {}
    found = question.ask(stg, views(stg, area))
    staged = {
        area.entities[name].table("stg"): one.claims.table for name, one in cleansings.items()
    }
    each = (first_of_each(wrong(area, entity, found, staged)) for entity in area.derived)
    refuse(chain.from_iterable(each))
    return {
        entity.name: Derivation(
            area.area,
            entity,
            found[0][entity.deriving_view],
            cleansings[entity.name],
            {name: cleansings[name].target for name in entity.made_of},
        )
        for entity in area.derived
    }


def wrong(
    area: Area, entity: Entity, found: Views, staged: Mapping[QualifiedName, Table]
) -> Iterator[ContractError]:
    """Yield what is wrong with a deriving view: it is missing, lacks a column, or reads too much.

    Args:
        area: the area of the entity.
        entity: it is derived.
        found: what `views` has found.
        staged: STG's mirrors. One that is missing is told elsewhere.
    """
    places, read_by = found
    why = f"entities.{entity.name} of sql/{area.area}/area.yml"
    yield from catalog.missing(places, [entity.deriving_view], server="stg", why=why)
    if view := places.get(entity.deriving_view):
        yield from catalog.lacking(view, entity.row_key, server="stg", why=why)
    yield from reads.beside_inputs(area, entity, read_by[entity.name])
    for name, touch in entity.touched_by.items():
        mirrored = staged.get(area.entities[name].table("stg"))
        if mirrored and touch.query is None:
            why = f"entities.{entity.name}.touched_by.{name} of sql/{area.area}/area.yml"
            yield from catalog.lacking(mirrored, touch.columns.values(), server="stg", why=why)


def with_marks(area: Area, marks: Mapping[str, str]) -> dict[str, str]:
    """Add the high-water marks of derived entities: each the earliest of its inputs' marks."""
    found = dict(marks)
    for entity in area.derived:
        if all(name in found for name in entity.made_of):
            inputs = (found[name] for name in entity.made_of)
            found[entity.name] = min(inputs, key=datetime.fromisoformat)
    return found


def land(
    stg: Session, derivation: Derivation, *, after: int | None, batch_id: int, rows: int
) -> Landed:
    """Land what the view makes of changed inputs, in the transaction that has written these.

    Args:
        stg: in that transaction.
        derivation: how the rows are made.
        after: rows of the inputs count as changed if a later batch wrote them; None: make all rows.
        batch_id: the batch that writes them.
        rows: about how many rows of the inputs have changed.

    Raises:
        ContractError: the view makes a key twice. The caller rolls back.
    """
    parts, landing = derivation.parts, _landing(derivation)
    entity = derivation.entity
    with refusals.named(entity.name, stg=refusals.CLEANSING):
        which = {"batch_id": db.literal(batch_id), "clock": _clock(derivation, after or 0)}
        rows_made = compose.statement(__name__, "all" if after is None else "some", parts)
        stg.queue(landing.emptied)
        if after is None and stg.value(compose.statement(__name__, "is_first", parts)):
            landed = stg.run(
                compose.statement(__name__, "land_all", parts, made=rows_made, **which)
            )
        else:
            keys = _keys(derivation, after)
            worktable.fill(stg, derivation.keys, keys, rows=rows)
            worktable.analyze(stg, derivation.keys.name, rows=rows)
            refused = "refused_observations" if entity.is_observed else "refused_rows"
            which["refused"] = compose.statement(__name__, refused, parts)
            landed = stg.run(compose.statement(__name__, "land", parts, made=rows_made, **which))
            worktable.release(stg, derivation.keys, rows=rows)
        if not landed:
            return Landed(0, 0)
        ((out, repeated),) = stg.again(compose.statement(__name__, "examine", parts))
        if not entity.is_observed:
            out = 0  # A row without a key is a reject.
        elif out:
            stg.run(compose.statement(__name__, "leave_out", parts))
    if repeated:
        view = ".".join(entity.deriving_view)
        repeated = refusals.spelled_key(entity.row_key, repeated)
        raise ContractError(
            f"stg: the view {view} makes the key {repeated} more than once. {_remedy(derivation)}",
            server="stg",
            table=view,
        )
    return Landed(landed - out, out)


def _remedy(derivation: Derivation) -> str:
    """Say what to do about a key that a view makes twice."""
    entity = derivation.entity
    where = f"entities.{entity.name} in sql/{derivation.area}/area.yml"
    if entity.is_observed:
        return f"Make it one row, or name another `dimension.tie_breaker` of {where}."
    return f"Make it one row, or name another `key` of {where}."


def _landing(derivation: Derivation) -> WorkTable:
    return WorkTable(
        derivation.entity.landing, made.landing_columns(derivation.view, is_derived=True)
    )


def _clock(derivation: Derivation, after: int) -> Composable:
    """Compose the latest clock of the rows that the inputs have got."""
    clocks = [
        compose.statement(__name__, "clock_of", written=deltas.written(one, after=after))
        for one in derivation.inputs.values()
    ]
    return compose.statement(__name__, "clock", clocks=compose.union_all(clocks))


def _keys(derivation: Derivation, after: int | None) -> Composable:
    """Compose the query of the derived keys that are made anew."""
    if after is None:
        return compose.statement(__name__, "all_keys", derivation.parts)
    found: list[Composable] = []
    for name, touch in derivation.entity.touched_by.items():
        touched = _touched(derivation, name, touch, after)
        found += _touched_keys(derivation, touch, touched)
    every = compose.union_all(found)
    return compose.statement(__name__, "keys", derivation.parts, parts=every)


def _touched(derivation: Derivation, name: str, touch: Touch, after: int) -> Composable:
    """Compose the query of the columns of derived keys that changed rows of an input name."""
    source = derivation.inputs[name]
    changed = compose.statement(
        __name__,
        "changed",
        columns=Columns(source.payload),
        written=deltas.written(source, after=after),
        history=source.history,
        after=db.literal(after),
    )
    columns = tuple(touch.columns)
    types = tuple(map(derivation.view.type_of, columns))
    given = Columns(tuple(touch.columns.values()), types=types)
    if touch.query is None:
        return compose.statement(
            __name__, "touched", changed=changed, input=given, derived=Columns(columns)
        )
    return compose.statement(
        __name__,
        "touched_by_query",
        changed=changed,
        query=db.raw(touch.query.strip().rstrip(";")),
        input=given,
        derived=Columns(columns),
    )


def _touched_keys(derivation: Derivation, touch: Touch, touched: Composable) -> list[Composable]:
    """Compose queries of whole derived keys: those that are named, were made, or are made now."""
    parts, by = derivation.parts, tuple(touch.columns)
    if {*by} == {*derivation.entity.key}:
        return [compose.statement(__name__, "named", parts, touched=touched)]
    which: Parts = {"touched": touched, "by": Columns(by)}
    types = {"by_types": derivation._types(by)}
    return [
        compose.statement(__name__, "made_now", parts, **which),
        compose.statement(__name__, "made_before", parts, **which),
        compose.statement(__name__, "refused_before", parts, **which, **types),
    ]
