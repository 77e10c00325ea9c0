"""Sets of items that are a whole table, such as the files of one date: what one lacks is gone.

A batch may bring several sets. The result is that of a batch for each: a row that the second of
three sets lacks is deleted, and is there again with the third.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark.batch.landing import Work
from tidemark.declare.entity import Entity
from tidemark.layers import deletes
from tidemark.layers.mirror import Mirror
from tidemark.postgres import compose, db, worktable
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable
from tidemark.postgres.transfer import Streamed
from tidemark.postgres.worktable import WorkTable
from tidemark.sources import ItemSet


@dataclass(frozen=True, slots=True)
class Landed:
    """Sets that have landed, in their order: where their rows begin and end."""

    firsts: Sequence[int]
    """The number of the first row of each."""
    deleting: Sequence[int]
    """The places of those, from 1, of which what they lack is gone."""
    lasts: Sequence[int]
    """Of these, the number of the last row that landed before the next set."""
    items: Sequence[int]
    """Of these, the place of their last item."""

    def last(self) -> tuple[Landed, int]:
        """Return the last set that deletes, alone; and the number of its first row."""
        if not self.deleting:
            return self, 1
        first = self.firsts[self.deleting[-1] - 1]
        return Landed([first], [1], self.lasts[-1:], self.items[-1:]), first


def landed(sets: Sequence[ItemSet], streamed: Sequence[Streamed]) -> Landed:
    """Find where sets have landed; one of which nothing has landed is left out.

    Args:
        sets: in their order.
        streamed: what has landed.
    """
    items = [each for one in streamed for each in one.items]
    place_of: Mapping[str, int] = {name: place for place, (_, name) in enumerate(items, 1)}
    rows = sum(one.rows for one in streamed)
    there = [(one, [place_of[name] for name in one.items if name in place_of]) for one in sets]
    there = [(one, places) for one, places in there if places]
    firsts = [items[min(places) - 1][0] for _, places in there]
    ends = [*(first - 1 for first in firsts[1:]), rows]
    deleting = [place for place, (one, _) in enumerate(there, 1) if one.is_whole]
    return Landed(
        firsts,
        deleting,
        [ends[place - 1] for place in deleting],
        [max(there[place - 1][1]) for place in deleting],
    )


def with_deletes(
    work: Work,
    entity: Entity,
    target: Mirror,
    relation: Composable,
    found: Landed,
    *,
    rows: int,
    accept: bool,
) -> tuple[Composable, int]:
    """Compose the versions that have landed, and the deletes between them; count the deletes.

    Args:
        work: the extraction, in the transaction that lands the rows.
        entity: gives `max_delete_ratio`.
        target: its mirror.
        relation: the rows that have landed.
        found: the sets.
        rows: about how many rows there are, in the mirror too.
        accept: delete however many a set lacks.

    Raises:
        DeleteGuardError: a set lacks too many of the rows that were there before it.
    """
    key = worktable.typed(target.types, target.key)
    live = WorkTable(entity.work("live"), key + worktable.own(_set="bigint", _is_gone="boolean"))
    parts: Parts = {
        "live": live.name,
        "key": Columns(target.key),
        "carried": Columns(tuple(one for one in target.payload if one not in target.key)),
        "mirror": target.name,
        "landing": relation,
        "firsts": db.literal(list(found.firsts)),
        "deleting": db.literal(list(found.deleting)),
        "lasts": db.literal(list(found.lasts)),
        "items": db.literal(list(found.items)),
        "batch_id": db.literal(work.batch_id),
        "clock": db.literal(work.delta.clock),
    }
    worktable.fill(work.mrr, live, compose.statement(__name__, "live", parts), rows=rows)
    gone = 0
    for missing, known in work.mrr.rows(compose.statement(__name__, "count", parts)):
        deletes.guard(entity, missing, known, accept=accept)
        gone += missing
    return compose.statement(__name__, "versions", parts), gone
