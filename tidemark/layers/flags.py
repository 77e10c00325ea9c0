"""Rows that say themselves that they are deleted, by the flag that `deleted_when` reads.

The expression is evaluated where a row is cleansed. From there on the row is one that was deleted,
and returns when the expression is no longer true.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidemark.declare.config import Area, Entity
from tidemark.errors import ContractError, StatementError
from tidemark.layers.mirror import LINEAGE, Mirror
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.times import TimeColumn


def deleted_at(entity: Entity, effective: TimeColumn | None) -> Composable:
    """Compose since when a cleansed row is deleted: by the source, or by its flag.

    A flag counts from the time of the row's change, if there is one, and at the latest from the
    look that showed it.

    Args:
        entity: has the flag, or none.
        effective: column with the time of a change; None: it feeds no dimension.
    """
    if entity.deleted_when is None:
        return db.name("_deleted_at")
    return compose.statement(
        __name__,
        "deleted_at",
        flag=db.raw(entity.deleted_when),
        since=[effective.instant(db.name(effective.name))] if effective else [],
    )


def wrong(stg: Session, area: Area, entity: Entity, target: Mirror) -> Iterator[ContractError]:
    """Yield why PostgreSQL can't evaluate a flag over the cleansed row as a condition."""
    if entity.deleted_when is None:
        return
    statement = compose.statement(
        __name__,
        "check",
        flag=db.raw(entity.deleted_when),
        columns=Columns((*target.payload, *LINEAGE)),
        view=db.name(*entity.view),
    )
    try:
        stg.rows(statement)
    except StatementError as error:
        yield ContractError(
            f"stg: entities.{entity.name}.deleted_when of sql/{area.area}/area.yml can't be "
            f"evaluated over a row of {'.'.join(entity.view)}: {error} Write a condition "
            "over its columns, such as `is_active = false`.",
            server="stg",
            table=".".join(entity.view),
        )
