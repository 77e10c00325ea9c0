"""Tables and views that Tidemark makes, where no file of `sql/` does.

A mirror in MRR has the columns of its source, a landing table those of its mirror, a cleansing view
without a file those of its landing table, and a mirror in STG those of its cleansing view. This
module says by which statements each follows the one before it; `install/making.py` runs them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tidemark.declare.config import Area, Entity
from tidemark.errors import ContractError
from tidemark.layers import contracts, drift
from tidemark.layers.mirror import LINEAGE, LINEAGE_COLUMNS, REASONS, RESERVED
from tidemark.model import Column, Layer, QualifiedName, Reader, Table
from tidemark.postgres import catalog, compose, db, question, sqltypes
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question


@dataclass(frozen=True, slots=True)
class Change:
    """What makes a table follow another one."""

    table: QualifiedName
    """The table or view that follows."""
    follows: str
    """The one before it."""
    statements: tuple[Composable, ...] = ()
    in_the_way: tuple[Reader, ...] = ()
    """Views that have to be dropped first, in this order."""
    lost: tuple[str, ...] = ()
    """Columns that are dropped."""
    adds: bool = False
    """Whether columns are new, of which the rows have no values yet."""
    is_new: bool = False
    """Whether it is made."""


def mirror_columns(area: Area, entity: Entity, source: Table) -> tuple[Column, ...]:
    """Return the columns of a mirror in MRR, with the types that they have there.

    Raises:
        ContractError: a column of the source has a name that Tidemark keeps for one of its own.
    """
    for column in source.columns:
        if column.name in RESERVED:
            raise ContractError(
                f"{area.source.name} and mrr: {source.name} has a column {column.name!r}, a name "
                "that Tidemark keeps for a column of its own. Add it to `leave_out` of "
                f"entities.{entity.name} of sql/{area.area}/area.yml, or rename it.",
                server=area.source.name,
                table=source.name,
                column=column.name,
            )
    return tuple(Column(column.name, drift.mirrored(column)) for column in source.columns)


def mirror(entity: Entity, layer: Layer, columns: Sequence[Column], *, comment: str) -> Composable:
    """Compose the statements that make an entity's mirror in MRR or STG, with its history."""
    place = entity.table(layer)
    return compose.statement(
        __name__,
        "mirror",
        table=db.name(*place),
        spelled=db.literal(db.quoted(*place)),
        column=_named(columns),
        type=_types(columns),
        key=db.literal([*entity.key]),
        comment=db.literal(comment),
    )


def landing_columns(mirrored: Table) -> tuple[Column, ...]:
    """Return the columns of a landing table: those of the mirror that is sent."""
    payload = (column for column in mirrored.columns if column.name not in LINEAGE)
    return (*(Column(one.name, one.type) for one in payload), *LINEAGE_COLUMNS)


def landing(entity: Entity, mirrored: Table, found: Table | None) -> Change:
    """Say how a landing table gets the columns of the mirror that is sent."""
    wanted = landing_columns(mirrored)
    table = db.name(*entity.landing)
    if found is None:
        about = f"One row per version of {mirrored.name} on its way into STG."
        made = compose.statement(
            __name__,
            "landing",
            table=table,
            column=_named(wanted),
            type=_types(wanted),
            comment=db.literal(about),
        )
        return Change(entity.landing, mirrored.name, (made,))
    here = {column.name: column.type for column in found.columns}
    new = [one for one in wanted if one.name not in here]
    other = [one for one in wanted if here.get(one.name, one.type) != one.type]
    gone = tuple(sorted(here.keys() - {one.name for one in wanted}))
    changed = {*gone, *(one.name for one in other)}
    statements = [_drop(entity.landing, column) for column in gone]
    statements += [_retype(entity.landing, one) for one in other]
    statements += [_add(entity.landing, one) for one in new]
    in_the_way = _reading(found, changed)
    return Change(entity.landing, mirrored.name, tuple(statements), in_the_way, gone)


def _reading(table: Table, columns: Collection[str]) -> tuple[Reader, ...]:
    if not columns:
        return ()
    return tuple(one for one in table.readers() if one.columns & {*columns})


def pass_through(entity: Entity, landing: Table, found: Table | None) -> Change:
    """Say how a cleansing view that passes its rows on gets the columns of its landing table."""
    wanted = (*landing.columns, Column(REASONS, "text[]"))
    if found and [(c.name, c.type) for c in found.columns] == [(c.name, c.type) for c in wanted]:
        return Change(entity.view, landing.name)
    view = db.name(*entity.view)
    made = compose.statement(
        __name__,
        "pass_through",
        view=view,
        columns=Columns(landing.names),
        landing=db.name(*landing.qualified_name),
        comment=db.literal(f"One row per version in {landing.name}, as it came."),
    )
    if found is None:
        return Change(entity.view, landing.name, (made,))
    again = (drop_view(entity.view), made)
    return Change(entity.view, landing.name, again, tuple(found.readers()))


def staged(
    area: Area, entity: Entity, view: Table, found: Table | None, history: Table | None
) -> Change:
    """Say how a mirror in STG gets the columns of its cleansing view.

    Raises:
        ContractError: the view has lost a column, or it has another type there, and the mirror
            can't follow without a rewrite.
    """
    contracts.require_order_passed_on(view)
    why = f"entities.{entity.name} of sql/{area.area}/area.yml"
    catalog.require_columns(view, [*entity.key, *LINEAGE, REASONS], server="stg", why=why)
    own = (*LINEAGE, REASONS)
    wanted = tuple(Column(one.name, one.type) for one in view.columns if one.name not in own)
    if found is None or history is None:
        about = f"One row per row of {'.'.join(entity.table('mrr'))} that passed cleansing last."
        made = mirror(entity, "stg", wanted, comment=about)
        return Change(entity.table("stg"), view.name, (made,), is_new=True)
    here = {column.name: column.type for column in found.columns}
    new = [one for one in wanted if one.name not in here]
    wider = {
        one.name: one for one in wanted if sqltypes.widens(here.get(one.name, one.type), one.type)
    }
    columns = tuple(wider.get(column.name, column) for column in found.columns)
    contracts.require_held(area, replace(found, columns=columns), view, own)
    tables = found.qualified_name, history.qualified_name
    statements = [_retype(table, one) for one in wider.values() for table in tables]
    statements += [_add(table, one) for one in new for table in tables]
    in_the_way = (*_reading(found, wider), *_reading(history, wider))
    return Change(
        entity.table("stg"),
        view.name,
        tuple(statements),
        tuple(dict.fromkeys(in_the_way)),
        adds=bool(new),
    )


def drop_view(view: QualifiedName) -> Composable:
    """Compose the statement that drops a view, and fails if another one reads it."""
    return compose.statement(__name__, "drop_view", view=db.name(*view))


def standing_on(session: Session, table: QualifiedName, columns: Collection[str]) -> list[str]:
    """Find indexes that PostgreSQL drops together with columns, without a word."""
    which = {"table": db.quoted(*table), "columns": sorted(columns)}
    return [name for (name,) in session.rows(compose.statement(__name__, "standing_on"), which)]


def note(area: Area, entity: str, *, is_new: bool) -> Composable:
    """Compose the statement that lets the next stage hop take all rows of an entity.

    Args:
        area: the area of the entity.
        entity: its name.
        is_new: whether its table in STG is new: then it takes all versions that MRR has.
    """
    which = {"area": db.literal(area.area), "entity": db.literal(entity)}
    return compose.statement(__name__, "note", **which, is_new=db.literal(is_new))


def noted(area: str) -> Question[dict[str, bool]]:
    """Ask STG of which entities it takes all rows: entity -> whether its table is new."""
    return question.of(compose.statement(__name__, "noted"), {"area": area}, dict)


def taken(session: Session, area: str, entities: Collection[str]) -> None:
    """Forget the notes of entities, in the transaction that writes their rows."""
    which = {"area": area, "entities": sorted(entities)}
    session.queue(compose.statement(__name__, "taken"), which)


def _named(columns: Sequence[Column]) -> Columns:
    return Columns(tuple(column.name for column in columns))


def _types(columns: Sequence[Column]) -> list[Composable]:
    return [db.raw(column.type) for column in columns]


def _add(table: QualifiedName, column: Column) -> Composable:
    return compose.statement(__name__, "add_column", **_altered(table, column))


def _retype(table: QualifiedName, column: Column) -> Composable:
    return compose.statement(__name__, "retype_column", **_altered(table, column))


def _altered(table: QualifiedName, column: Column) -> dict[str, Composable]:
    kind = db.raw(column.type)
    return {"table": db.name(*table), "column": db.name(column.name), "type": kind}


def _drop(table: QualifiedName, column: str) -> Composable:
    parts = {"table": db.name(*table), "column": db.name(column)}
    return compose.statement(__name__, "drop_column", **parts)
