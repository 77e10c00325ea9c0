"""The tables of a PostgreSQL source: what its catalog says of them, and how long they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from tidemark.declare.config import Area
from tidemark.errors import ContractError
from tidemark.model import QualifiedName, Table
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question

_TIMESTAMPTZ = "timestamp with time zone"


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
        table, why = tables[name], _why(area, name)
        named = [*entity.key, *([entity.watermark] if entity.watermark else [])]
        catalog.require_columns(table, named, server=server, why=why)
        if entity.watermark and table.type_of(entity.watermark) != _TIMESTAMPTZ:
            raise ContractError(
                f"{server}: the watermark {table.name}.{entity.watermark} is "
                f"{table.type_of(entity.watermark)}, and a window needs {_TIMESTAMPTZ}. "
                "Name another column, or set `extract: full`.",
                server=server,
                table=table.name,
                column=entity.watermark,
            )
        if not any(unique <= set(entity.key) for unique in table.unique):
            raise ContractError(
                f"{server}: no unique index of {table.name} lies within the key "
                f"({', '.join(entity.key)}), so two of its rows could be one row here. "
                "Correct `key`, or create the unique index.",
                server=server,
                table=table.name,
            )
    return tables


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
