"""Tables and views that Tidemark makes, where no file of `sql/` does.

A mirror in MRR has the columns of its source, a landing table those of its mirror, a cleansing view
without a file those of its landing table, and a mirror in STG those of its cleansing view. This
module says by which statements each follows the one before it; `install/making.py` runs them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, refuse
from tidemark.layers import contracts, drift
from tidemark.layers.checking import first_of_each
from tidemark.layers.mirror import LINEAGE, LINEAGE_COLUMNS, REASONS, RESERVED
from tidemark.model import Column, Layer, QualifiedName, Reader, Table
from tidemark.postgres import catalog, compose, db, question, sqltypes
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question

OWN_REASONS = Column("_reasons", "text[]")
"""Column of a derived entity's landing table: for which reasons its view refuses a row."""

_NONE = "array[]::text[]"


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
        ContractError: columns of the source have names that Tidemark keeps for one of its own.
    """
    refuse(
        ContractError(
            f"{area.source.name} and mrr: {source.name} has a column {column.name!r}, a name that "
            "Tidemark keeps for a column of its own. Add it to `leave_out` of "
            f"entities.{entity.name} of sql/{area.area}/area.yml, or rename it.",
            server=area.source.name,
            table=source.name,
            column=column.name,
        )
        for column in source.columns
        if column.name in RESERVED
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
        key=db.literal([*entity.row_key]),
        comment=db.literal(comment),
    )


def landing_columns(sender: Table, *, is_derived: bool = False) -> tuple[Column, ...]:
    """Return the columns of a landing table: those of the mirror that is sent, or of a view."""
    payload = (one for one in sender.columns if one.name not in (*LINEAGE, REASONS))
    own = (OWN_REASONS, *LINEAGE_COLUMNS) if is_derived else LINEAGE_COLUMNS
    return (*(Column(one.name, one.type) for one in payload), *own)


def landing(
    entity: Entity, wanted: Sequence[Column], found: Table | None, *, sender: Table
) -> Change:
    """Say how a landing table gets the columns that it should have.

    Args:
        entity: whose rows land there.
        wanted: the columns: see `landing_columns`.
        found: the table as it is; None: it is not there.
        sender: the mirror that is sent, or the view that makes the rows.
    """
    table = db.name(*entity.landing)
    if found is None:
        about = f"One row per version of {sender.name} on its way into STG."
        made = compose.statement(
            __name__,
            "landing",
            table=table,
            column=_named(wanted),
            type=_types(wanted),
            comment=db.literal(about),
        )
        return Change(entity.landing, sender.name, (made,))
    here = {column.name: column.type for column in found.columns}
    new = [one for one in wanted if one.name not in here]
    other = [one for one in wanted if here.get(one.name, one.type) != one.type]
    gone = tuple(sorted(here.keys() - {one.name for one in wanted}))
    changed = {*gone, *(one.name for one in other)}
    # Rows of the last batch may still lie there, with values that have no place in another type.
    statements: list[Composable] = []
    if other:
        statements.append(compose.statement(__name__, "empty", table=table))
    statements += [_drop(entity.landing, column) for column in gone]
    statements += [_retype(entity.landing, one) for one in other]
    statements += [drift.added(entity.landing, one) for one in new]
    in_the_way = _reading(found, changed)
    return Change(entity.landing, sender.name, tuple(statements), in_the_way, gone)


def _reading(table: Table, columns: Collection[str]) -> tuple[Reader, ...]:
    if not columns:
        return ()
    return tuple(one for one in table.readers() if one.columns & {*columns})


def pass_through(entity: Entity, landing: Table, found: Table | None) -> Change:
    """Say how a cleansing view that passes its rows on gets the columns of its landing table.

    Rows that a view has made bring the reasons to refuse them.
    """
    wanted = (*_passed(landing), Column(REASONS, "text[]"))
    if found and [(c.name, c.type) for c in found.columns] == [(c.name, c.type) for c in wanted]:
        return Change(entity.view, landing.name)
    view = db.name(*entity.view)
    made = compose.statement(
        __name__,
        "pass_through",
        view=view,
        query=passing(landing),
        comment=db.literal(f"One row per version in {landing.name}, as it came."),
    )
    if found is None:
        return Change(entity.view, landing.name, (made,))
    again = (drop_view(entity.view), made)
    return Change(entity.view, landing.name, again, tuple(found.readers()))


def passing(landing: Table) -> Composable:
    """Compose the query of a cleansing view that passes the rows of its landing table on."""
    passed = _passed(landing)
    return compose.statement(
        __name__,
        "passing",
        columns=_named(passed),
        reasons=db.name("l", OWN_REASONS.name) if passed != landing.columns else db.raw(_NONE),
        landing=db.name(*landing.qualified_name),
    )


def _passed(landing: Table) -> tuple[Column, ...]:
    return tuple(one for one in landing.columns if one.name != OWN_REASONS.name)


def staged(
    area: Area, entity: Entity, view: Table, found: Table | None, history: Table | None
) -> Change:
    """Say how a mirror in STG gets the columns of its cleansing view.

    Raises:
        ContractError: the view has lost a column, or it has another type there, and the mirror
            can't follow without a rewrite.
    """
    why = f"entities.{entity.name} of sql/{area.area}/area.yml"
    lacking = catalog.lacking(view, [*entity.row_key, *LINEAGE, REASONS], server="stg", why=why)
    refuse(first_of_each((*contracts.order_not_passed_on(view), *lacking)))
    own = (*LINEAGE, REASONS)
    wanted = tuple(Column(one.name, one.type) for one in view.columns if one.name not in own)
    if found is None or history is None:
        source = entity.deriving_view if entity.is_derived else entity.table("mrr")
        about = f"One row per row of {'.'.join(source)} that passed cleansing last."
        made = mirror(entity, "stg", wanted, comment=about)
        return Change(entity.table("stg"), view.name, (made,), is_new=True)
    here = {column.name: column.type for column in found.columns}
    new = [one for one in wanted if one.name not in here]
    wider = {
        one.name: one for one in wanted if sqltypes.widens(here.get(one.name, one.type), one.type)
    }
    columns = tuple(wider.get(column.name, column) for column in found.columns)
    refuse(contracts.not_held(area, replace(found, columns=columns), view, own))
    tables = found.qualified_name, history.qualified_name
    statements = [drift.widened(table, one) for one in wider.values() for table in tables]
    statements += [drift.added(table, one) for one in new for table in tables]
    in_the_way = (*_reading(found, wider), *_reading(history, wider))
    return Change(
        entity.table("stg"),
        view.name,
        tuple(statements),
        tuple(dict.fromkeys(in_the_way)),
        adds=bool(new),
    )


def live(entity: Entity, mirrored: Table, found: Table | None) -> Change:
    """Say how the view of an entity's live rows in STG gets the columns of its mirror."""
    names = tuple(column.name for column in mirrored.columns if column.name not in LINEAGE)
    wanted = [(name, mirrored.type_of(name)) for name in names]
    here = [(column.name, column.type) for column in found.columns] if found else []
    if here == wanted:
        return Change(entity.live_view, mirrored.name)
    made = compose.statement(
        __name__,
        "live",
        view=db.name(*entity.live_view),
        columns=Columns(names),
        mirror=db.name(*entity.table("stg")),
        comment=db.literal(f"One row per row of {mirrored.name} that is not deleted."),
    )
    if here == wanted[: len(here)]:
        return Change(entity.live_view, mirrored.name, (made,))
    assert found is not None, "a view without columns is a prefix of any"
    again = (drop_view(entity.live_view), made)
    return Change(entity.live_view, mirrored.name, again, tuple(found.readers()))


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


def _retype(table: QualifiedName, column: Column) -> Composable:
    """Change a column's type in a table that no row stays in."""
    parts = {"table": db.name(*table), "column": db.name(column.name)}
    return compose.statement(__name__, "retype_column", **parts, type=db.raw(column.type))


def _drop(table: QualifiedName, column: str) -> Composable:
    parts = {"table": db.name(*table), "column": db.name(column)}
    return compose.statement(__name__, "drop_column", **parts)
