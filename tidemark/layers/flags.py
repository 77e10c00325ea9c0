"""Rows that say themselves that they are deleted, by the flag that `deleted_when` reads.

The expression is evaluated where a row is cleansed. From there on the row is one that was deleted,
and returns when the expression is no longer true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
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


def wrong(stg: Session, area: Area, targets: Mapping[str, Mirror]) -> Iterator[ContractError]:
    """Yield which flags PostgreSQL can't evaluate over a cleansed row as a condition, and why.

    All are asked in one message. If that fails, a session of its own finds out which it was: the
    transaction of this one is aborted.
    """
    checks = {
        name: _check(area.entities[name], target)
        for name, target in targets.items()
        if area.entities[name].deleted_when is not None
    }
    if not checks:
        return
    try:
        stg.rows(compose.union_all([*checks.values()]))
    except StatementError:
        assert stg.another is not None, "hops and commands open their sessions by sessions.connect"
        with closing(stg.another()) as own:
            for name, check in checks.items():
                yield from _refused(own, area, area.entities[name], check)


def _check(entity: Entity, target: Mirror) -> Composable:
    return compose.statement(
        __name__,
        "check",
        flag=db.raw(str(entity.deleted_when)),
        columns=Columns((*target.payload, *LINEAGE)),
        view=db.name(*entity.view),
    )


def _refused(
    stg: Session, area: Area, entity: Entity, check: Composable
) -> Iterator[ContractError]:
    try:
        stg.rows(check)
    except StatementError as error:
        yield ContractError(
            f"stg: entities.{entity.name}.deleted_when of sql/{area.area}/area.yml can't be "
            f"evaluated over a row of {'.'.join(entity.view)}: {error} Write a condition "
            "over its columns, such as `is_active = false`.",
            server="stg",
            table=".".join(entity.view),
        )
