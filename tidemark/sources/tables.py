"""The tables of a PostgreSQL source: what its catalog says of them, and how long they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.layers import checking
from tidemark.layers.checking import Checked, told
from tidemark.model import QualifiedName, Table
from tidemark.postgres import catalog, compose, db, times
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.times import TimeColumn


def _why(area: Area, name: str) -> str:
    return f"entities.{name} of sql/{area.area}/area.yml"


def named(session: Session, area: Area) -> Question[dict[QualifiedName, Table]]:
    """Ask what the catalog says of the entities' tables."""
    return catalog.named(session, [entity.source_name for entity in area.entities.values()])


def of(area: Area, found: Mapping[QualifiedName, Table]) -> dict[str, Table]:
    """Return the table of each entity, out of those that the catalog has.

    Columns that the entity leaves out are not among its columns.

    Raises:
        ContractError: of tables and columns that are missing.
    """
    return checking.each(
        area.entities.values(),
        lambda entity: _missing(area, entity, found, ""),
        lambda entity: _read(entity, found[entity.source_name]),
    ).whole()


def checked(area: Area, found: Mapping[QualifiedName, Table], whereabouts: str) -> Checked[Table]:
    """Check the source's tables against area.yml, and return them like `of`."""
    return checking.each(
        area.entities.values(),
        lambda entity: _wrong(area, entity, found, whereabouts),
        lambda entity: _read(entity, found[entity.source_name]),
    )


def _missing(
    area: Area, entity: Entity, found: Mapping[QualifiedName, Table], whereabouts: str
) -> Iterator[ContractError]:
    server, why = area.source.name, _why(area, entity.name)
    place, watermark = entity.source_name, [entity.watermark] if entity.watermark else []
    yield from catalog.missing(found, [place], server=server, why=why, whereabouts=whereabouts)
    if place in found:
        named = [*entity.leave_out, *entity.key, *watermark]
        yield from catalog.lacking(found[place], named, server=server, why=why)


def _wrong(
    area: Area, entity: Entity, found: Mapping[QualifiedName, Table], whereabouts: str
) -> Iterator[ContractError]:
    yield from _missing(area, entity, found, whereabouts)
    server, table = area.source.name, found.get(entity.source_name)
    if table is None:
        return
    if entity.watermark in table.names:
        yield from told(lambda: watermark(area, entity, table))
    is_read = {*entity.key} <= {*table.names}
    # Of other relations the key is checked in the rows that come (`extract`).
    if table.kind == "table" and is_read and not table.is_unique(entity.key):
        yield ContractError(
            f"{server}: no unique index of {table.name} lies within the key "
            f"({', '.join(entity.key)}), so two of its rows could be one row here. "
            "Correct `key`, or create the unique index.",
            server=server,
            table=table.name,
        )


def _read(entity: Entity, table: Table) -> Table:
    """Return a table without the columns that the entity leaves out."""
    kept = tuple(one for one in table.columns if one.name not in entity.leave_out)
    return replace(table, columns=kept)


def watermarks(area: Area, there: Mapping[str, Table]) -> dict[str, TimeColumn]:
    """Return the watermark of each entity that has one.

    Raises:
        ContractError: its values do not say when.
    """
    found = {name: watermark(area, entity, there[name]) for name, entity in area.entities.items()}
    return {name: column for name, column in found.items() if column}


def watermark(area: Area, entity: Entity, table: Table) -> TimeColumn | None:
    """Return the watermark of one entity, as its table has it.

    Raises:
        ContractError: its values do not say when; or not whose clock they show.
    """
    if entity.watermark is None:
        return None
    why = _why(area, entity.name)
    catalog.require_columns(table, [entity.watermark], server=area.source.name, why=why)
    column = table.column(entity.watermark)
    kind, lack = times.kind_of(column), ""
    if kind is None:
        lack = (
            "and a window needs timestamptz, timestamp or date. Name another column, or set "
            "`extract: full`."
        )
    elif kind != "instant" and not entity.watermark_zone:
        lack = (
            "which does not say in which zone. Add `watermark_zone: UTC`, or another IANA name, to "
            f"{why}."
        )
    elif kind == "instant" and entity.watermark_zone:
        lack = f"an instant in any zone. Take `watermark_zone` out of {why}."
    if lack:
        raise ContractError(
            f"{area.source.name}: the watermark {table.name}.{column.name} is {column.type}, "
            f"{lack}",
            server=area.source.name,
            table=table.name,
            column=column.name,
        )
    return TimeColumn.of(column, entity.watermark_zone)


def limits(area: Area) -> Composable:
    """Compose the time limits of a transaction on the source, so that it gives way to others."""
    return compose.statement(
        __name__,
        "limits",
        statement_timeout=_milliseconds(area.source.limits.statement_timeout),
        lock_timeout=_milliseconds(area.source.limits.lock_timeout),
    )


def _milliseconds(duration: timedelta) -> Composable:
    return db.literal(duration // timedelta(milliseconds=1))
