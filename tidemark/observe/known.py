"""What was known of one key of a dimension after a batch.

STG keeps every version of a row with the batch that brought it. So what the dimension said after
batch n is what the rule of timelines (`scd2`) makes of the versions up to n: no second rule, and
nothing is kept for it. What it can't tell: versions that retention has deleted, that a fact had
made an inferred member of the key, and what an older cleansing view made of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidemark.batch import feeding, retention
from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import StatementError
from tidemark.layers import suspects
from tidemark.observe import keyed
from tidemark.postgres import compose, db, question
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.star import scd2, schema
from tidemark.star.schema import Fed


@dataclass(frozen=True, slots=True)
class Touch:
    """A batch that brought something new of a key."""

    batch_id: int
    seen_at: datetime
    """The source's clock when the batch looked."""
    versions: int
    """Row versions that it brought."""
    is_delete: bool
    """Whether the last of them says that the row is gone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a key."""

    columns: tuple[str, ...]
    versions: list[tuple[Any, ...]]
    """In the order of `valid_from`."""
    touches: list[Touch]
    """All batches that STG has of the key, in ascending order."""
    history_start: int
    """Retention has deleted what batches up to this one replaced; 0: nothing yet."""

    def records(self) -> list[dict[str, Any]]:
        """Return the versions with the names of their columns."""
        return [dict(zip(self.columns, version, strict=True)) for version in self.versions]


def read(
    servers: Servers, area: Area, entity: Entity, key: Sequence[str], *, after: int | None = None
) -> Known:
    """Tell what a dimension said of a key after a batch.

    Args:
        servers: those of the project.
        area: the area.
        entity: one that feeds a dimension.
        key: the natural key's values as text, in the key's order.
        after: the batch; None: the last one that STG has.

    Raises:
        UsageError: a value is not of its column's type, or there are too many or too few.
        ContractError: the dimension's tables are not as area.yml says.
    """
    with servers.session("stg", "known") as stg, servers.session("dwh", "known") as dwh:
        fed = schema.dimension(stg, dwh, area, entity)
        dimension, table = fed.dimension, fed.feed.table
        parts: Parts = {**keyed.parts(entity, table, key), "versions": _versions(stg, area, fed)}
        which = "rows" if dimension.lands == "observations" else "landed"
        landed = compose.statement(__name__, which, parts, after=db.literal(after))
        try:
            found = stg.rows(scd2.as_known(dimension, landed))
            touches = stg.rows(compose.statement(__name__, "touches", parts))
        except StatementError as error:
            raise keyed.explained(error, entity, table, key) from error
        start = retention.history_start(stg, area.area)
    return Known(dimension.written, found, [Touch(*row) for row in touches], start)


def _versions(stg: Session, area: Area, fed: Fed) -> Composable:
    """Compose the query of all versions that STG has, as publish sends them."""
    entity, mirror = fed.dimension.entity, fed.feed.mirror
    names = [column.name for column in feeding.landed(fed.feed)]
    query = compose.statement(
        __name__,
        "versions",
        columns=Columns(tuple(names)),
        mirror=mirror.name,
        history=mirror.history,
    )
    if entity not in question.ask(stg, suspects.entities(area)):
        return query
    return suspects.without(
        query,
        mirror,
        area=area.area,
        entity=entity,
        columns=[*names, "_replaced_by"],
        published=fed.last_batch,
    )
