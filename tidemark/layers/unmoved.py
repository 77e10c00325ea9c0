"""Changes that leave the time of change as it was, so that a dimension can't keep both versions."""

from __future__ import annotations

from collections.abc import Collection

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.layers import dating, deltas
from tidemark.layers.mirror import LINEAGE, Mirror
from tidemark.model import Column
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session


def warning(
    stg: Session, area: Area, entity: Entity, target: Mirror, batches: Collection[int]
) -> str | None:
    """Return a warning if batches changed type-2 columns, and left the time of change alone.

    Of two observations of one instant the later one counts: it overwrites the version. A plan that
    is changed before it takes effect overwrites nothing that was in force. A row that other rules
    of cleansing made again was not seen again.

    Args:
        stg: in the transaction that applies the batches, after they are merged.
        area: the area of the entity.
        entity: any; without a dimension there is no warning.
        target: its mirror.
        batches: those that are applied.
    """
    columns = [Column(*each) for each in target.types.items()]
    effective = dating.dated_by(entity, columns)
    # What STG lacks is an error of the star's own contract.
    declared = entity.dimension.type2 if entity.dimension else ()
    type2 = tuple(column for column in declared if column in target.payload)
    if not type2 or effective is None or effective.name not in target.payload:
        return None
    names = tuple(dict.fromkeys((*target.key, *type2, effective.name)))
    statement = compose.statement(
        __name__,
        "count",
        versions=deltas.versions(target, after=min(batches) - 1, columns=(*names, *LINEAGE)),
        history=target.history,
        columns=Columns(names),
        key=Columns(target.key),
        type2=Columns(type2, texts=target.texts),
        effective=db.name(effective.name),
        at=effective.instant(db.name("v", effective.name)),
    )
    changes = stg.value(statement)
    if not changes:
        return None
    return (
        f"{entity.name}: type-2 columns changed in {changes:,} rows and {effective.name} did not, "
        "so what they were before was overwritten and has no version. Name a column that moves "
        f"with every change as `dimension.effective` in sql/{area.area}/area.yml, or say "
        "`effective: seen`."
    )
