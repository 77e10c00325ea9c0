"""`seen` in place of a column with a time: as of when Tidemark saw it.

A change of a dimension takes effect at the clock of the look that showed it (`_extracted_at`). A
fact happened at the clock of the batch that first saw its key. A key names that batch for good
(`_first_batch_id`), whatever happens to its row, so that instant never moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.star import SEEN
from tidemark.errors import ContractError
from tidemark.model import FIRST_SEEN_AT, Column, Table
from tidemark.postgres import compose, db, ddl
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session

FIRST = Column(FIRST_SEEN_AT, "timestamp with time zone")
"""The column that `first` adds."""


def keep_clocks(session: Session, area: str, clocks: Mapping[int, datetime]) -> None:
    """Keep the clocks of batches in MRR or STG, in the transaction that applies them."""
    which = {"area": area, "batches": [*clocks], "clocks": [*clocks.values()]}
    session.queue(compose.statement(__name__, "keep_clocks"), which)


def first(rows: Composable, area: str, *, columns: Sequence[str]) -> Composable:
    """Compose rows of a mirror, each with the clock of the batch that first saw its key.

    A batch without a clock can't be there, but by someone's hand: then the row's own clock counts.
    """
    return compose.statement(
        __name__,
        "first",
        columns=Columns(tuple(columns)),
        rows=rows,
        area=db.literal(area),
    )


def ambiguous(area: Area, entity: Entity, table: Table) -> Iterator[ContractError]:
    """Say which columns of STG have a name that `seen` needs."""
    taken, key = {SEEN} if entity.is_seen else set(), "dimension.effective"
    if entity.fact and entity.fact.is_seen:
        taken, key = {SEEN, entity.fact.seen_column}, "fact.event_time"
    for column in sorted(taken & {*table.names}):
        another = "" if column == SEEN else f", or say `rename: {{first_seen_at: {SEEN}}}`"
        yield ContractError(
            f"stg: {table.name} has a column {column!r}, and {key} of entities.{entity.name} in "
            f"sql/{area.area}/area.yml says `{SEEN}`, which is the time at which Tidemark saw a "
            f"row. Call the column otherwise in {'.'.join(entity.view)} and in STG{another}.",
            server="stg",
            table=table.name,
            column=column,
        )


def unkept(
    area: Area, entity: Entity, table: Table, column: str, sent: Collection[str]
) -> Iterator[ContractError]:
    """Say that a fact table has no column for the time at which Tidemark saw a fact's key.

    Args:
        area: whose it is.
        entity: the fact.
        table: its table in the DWH.
        column: the column for that time.
        sent: the columns that STG sends.
    """
    found = table.type_of(column) if column in table.names else None
    if found == FIRST.type:
        return
    said = (
        f"has no column {column!r} ({FIRST.type}), which `event_time: {SEEN}` of "
        f"entities.{entity.name} fills; `rename: {{<column>: {SEEN}}}` gives it another name"
    )
    statements = ddl.add(column, FIRST.type, table.qualified_name)
    if found:
        said = f"has {column!r} as {found}, and `event_time: {SEEN}` fills it with {FIRST.type}"
        statements = ddl.retype(table, column, FIRST.type, table.qualified_name)
    unfed = [c.name for c in table.columns if c.type == FIRST.type and c.name not in sent]
    yield ContractError(
        f"dwh: {table.name} {said}. {ddl.remedy(area.area, 'dwh', statements)}.",
        server="dwh",
        table=table.name,
        column=column,
        other=unfed[0] if len(unfed) == 1 else None,
        statements=statements,
    )
