"""The tables of a PostgreSQL source: what its catalog says of them, and how long they are read."""

from __future__ import annotations

from datetime import timedelta

from tidemark.declare.config import Area
from tidemark.errors import ContractError
from tidemark.model import Table
from tidemark.postgres import catalog, compose, db
from tidemark.postgres.db import Composable, Session

_TIMESTAMPTZ = "timestamp with time zone"


def read(session: Session, area: Area, whereabouts: str = "") -> dict[str, Table]:
    """Read what the catalog says of the entities' tables."""
    found = catalog.tables(session, [entity.source_name for entity in area.entities.values()])
    return {
        name: catalog.require(
            found,
            entity.source_name,
            server=session.server,
            why=_why(area, name),
            whereabouts=whereabouts,
        )
        for name, entity in area.entities.items()
    }


def _why(area: Area, name: str) -> str:
    return f"entities.{name} of sql/{area.area}/area.yml"


def checked(session: Session, area: Area, whereabouts: str) -> dict[str, Table]:
    """Read the source's tables, and check them against area.yml."""
    tables = read(session, area, whereabouts)
    for name, entity in area.entities.items():
        table, why = tables[name], _why(area, name)
        named = [*entity.key, *([entity.watermark] if entity.watermark else [])]
        catalog.require_columns(table, named, server=session.server, why=why)
        if entity.watermark and table.type_of(entity.watermark) != _TIMESTAMPTZ:
            raise ContractError(
                f"{session.server}: the watermark {table.name}.{entity.watermark} is "
                f"{table.type_of(entity.watermark)}, and a window needs {_TIMESTAMPTZ}. "
                "Name another column, or set `extract: full`."
            )
        if not any(unique <= set(entity.key) for unique in table.unique):
            raise ContractError(
                f"{session.server}: no unique index of {table.name} lies within the key "
                f"({', '.join(entity.key)}), so two of its rows could be one row here. "
                "Correct `key`, or create the unique index."
            )
    return tables


def limits(area: Area) -> Composable:
    """Compose what keeps a transaction on the source from standing in the application's way."""
    return compose.statement(
        __name__,
        "limits",
        statement_timeout=_milliseconds(area.source.limits.statement_timeout),
        lock_timeout=_milliseconds(area.source.limits.lock_timeout),
    )


def _milliseconds(duration: timedelta) -> Composable:
    return db.literal(duration // timedelta(milliseconds=1))
