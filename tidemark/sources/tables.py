"""The tables of a PostgreSQL source: what its catalog says of them, and how long they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from tidemark.declare.config import Area, Entity
from tidemark.errors import ContractError
from tidemark.model import QualifiedName, Table
from tidemark.postgres import catalog, compose, db, times
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.times import TimeColumn


def named(session: Session, area: Area) -> Question[dict[QualifiedName, Table]]:
    """Ask what the catalog says of the entities' tables."""
    return catalog.named(session, [entity.source_name for entity in area.entities.values()])


def of(area: Area, found: Mapping[QualifiedName, Table], whereabouts: str = "") -> dict[str, Table]:
    """Return the table of each entity, out of those that the catalog has.

    Columns that the entity leaves out are not among its columns.
    """
    tables = {}
    for name, entity in area.entities.items():
        where = {"server": area.source.name, "why": _why(area, name)}
        table = catalog.require(found, entity.source_name, **where, whereabouts=whereabouts)
        catalog.require_columns(table, entity.leave_out, **where)
        kept = tuple(one for one in table.columns if one.name not in entity.leave_out)
        tables[name] = replace(table, columns=kept)
    return tables


def _why(area: Area, name: str) -> str:
    return f"entities.{name} of sql/{area.area}/area.yml"


def checked(area: Area, found: Mapping[QualifiedName, Table], whereabouts: str) -> dict[str, Table]:
    """Check the source's tables against area.yml, and return that of each entity."""
    server, tables = area.source.name, of(area, found, whereabouts)
    for name, entity in area.entities.items():
        table = tables[name]
        catalog.require_columns(table, entity.key, server=server, why=_why(area, name))
        watermark(area, entity, table)
        if not any(unique <= set(entity.key) for unique in table.unique):
            raise ContractError(
                f"{server}: no unique index of {table.name} lies within the key "
                f"({', '.join(entity.key)}), so two of its rows could be one row here. "
                "Correct `key`, or create the unique index.",
                server=server,
                table=table.name,
            )
    return tables


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
