"""Merge what has landed of an entity into its mirror.

Each row of a table is the only version of its key. Items such as files may show a key several
times, in an order. Where they do not, the cheaper way gives the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from tidemark.batch import landing, sets
from tidemark.batch.landing import Work
from tidemark.declare.check_kinds import Unique
from tidemark.declare.entity import Entity
from tidemark.errors import RefusedRowError
from tidemark.layers import mirror, positions, refused, versions
from tidemark.layers.mirror import Mirror
from tidemark.model import FILE
from tidemark.postgres import compose, db, refusals
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable
from tidemark.postgres.transfer import Streamed
from tidemark.results import Counts
from tidemark.sources import Itemized

_ORDER = {"_seq", "_deleted_at"}


@dataclass(frozen=True, slots=True)
class _Landed:
    """What has landed of one entity."""

    work: Work
    entity: Entity
    target: Mirror
    streamed: Sequence[Streamed]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.streamed)

    @property
    def is_of_items(self) -> bool:
        """Whether rows are numbered in the order of the items that have brought them."""
        return any(one.items for one in self.streamed if one.is_numbered)

    @property
    def is_ordered(self) -> bool:
        """Whether a key may have come several times."""
        brought = {column for one in self.streamed for column in one.brought}
        return self.is_of_items or not brought.isdisjoint(_ORDER)

    @property
    def is_repeated(self) -> bool:
        """Whether all versions come again where the source is read anew."""
        return self.is_of_items or (self.is_ordered and self.entity.name in self.work.delta.whole)

    @property
    def relation(self) -> Composable:
        clock = self.work.delta.clock
        return landing.relation(self.entity, self.target.payload, self.streamed, clock)

    @property
    def sets(self) -> sets.Landed:
        delta, name = self.work.delta, self.entity.name
        told = delta.sets(name) if isinstance(delta, Itemized) else ()
        return sets.landed(told, self.streamed)

    @property
    def replaced(self) -> Collection[str]:
        """The items before the last set that is all there is."""
        found, first = self.sets.last()
        if not found.deleting:
            return ()
        return [item for one in self.streamed for at, item in one.items if at < first]

    def composed(
        self,
        name: Literal["incoming", "records", "versions"],
        landed: Composable,
        **own: Composable | Columns,
    ) -> Composable:
        parts: Parts = {
            "payload": Columns(self.target.payload),
            "landing": landed,
            "batch_id": db.literal(self.work.batch_id),
            "extracted_at": db.literal(self.work.delta.clock),
        }
        return compose.statement(__name__, name, parts, **own)


def merge(work: Work, name: str, streamed: Sequence[Streamed], *, accept_deletes: bool) -> None:
    """Merge the rows of an entity, in the transaction that lands them.

    Args:
        work: the extraction.
        name: the entity.
        streamed: what has landed of it.
        accept_deletes: delete however many rows a set of files lacks.

    Raises:
        RefusedRowError: PostgreSQL refuses a row.
        DeleteGuardError: a set of files lacks too many rows.
    """
    landed = _Landed(work, work.area.entities[name], work.mirrors[name][0], streamed)
    counts = work.counts[name]
    with counts.timed("apply_seconds"), refusals.named(name, mrr=refusals.MERGING):
        keep_refused(work, name, streamed, items=_taken_whole(landed), replaced=landed.replaced)
        relation, found, is_ordered = landed.relation, landed.sets, landed.is_ordered
        if landed.is_of_items and _has_check_of_keys(landed):
            _keep_repeated(landed, relation)
        if landed.is_repeated and work.positions.get(name) == positions.UNKNOWN:
            # All came again. The older versions were merged long ago.
            found, since = found.last()
            relation = landing.last(landed.entity, landed.target.payload, relation, since=since)
            is_ordered = False
        if found.deleting:
            _merge_sets(landed, relation, found, accept=accept_deletes)
        else:
            counts.add(_merged(landed, relation, is_ordered=is_ordered))


def _has_check_of_keys(landed: _Landed) -> bool:
    """Whether a check of MRR asks for keys that a file shows more than once."""
    return any(
        isinstance(one.check, Unique)
        and one.layer == "mrr"
        and {*one.check.unique} == {*landed.entity.key}
        for one in landed.entity.placed_checks
    )


def _keep_repeated(landed: _Landed, relation: Composable) -> None:
    """Count the rows of a key in one file, and forget what was counted of files that came again."""
    work, (found, first) = landed.work, landed.sets.last()
    items = [item for one in landed.streamed for _, item in one.items]
    parts: Parts = {"area": db.literal(work.area.area), "entity": db.literal(landed.entity.name)}
    again = compose.statement(__name__, "is_any")
    if not found.deleting:
        again = compose.statement(__name__, "is_item", items=db.literal(items))
    work.mrr.queue(compose.statement(__name__, "forget_repeated", parts, again=again))
    has_place = FILE in landed.target.payload
    work.mrr.queue(
        compose.statement(
            __name__,
            "keep_repeated",
            parts,
            item=db.name("landed", FILE) if has_place else db.literal(""),
            landing=relation,
            key=Columns(landed.target.key),
            since=db.literal(first),
            batch_id=db.literal(work.batch_id),
        )
    )


def _merged(landed: _Landed, relation: Composable, *, is_ordered: bool) -> Counts:
    """Merge rows of which each may be a version of its key."""
    mrr, target, rows = landed.work.mrr, landed.target, landed.rows
    incoming = landed.composed("incoming", relation)
    if landed.entity.is_record:
        items = [item for one in landed.streamed for _, item in one.items]
        files = {"mirror": target.name, "items": db.literal(items)}
        incoming = landed.composed("records", relation, **files, key=Columns(target.key))
    if not is_ordered:
        return mirror.apply(mrr, target, incoming, rows=rows)
    if landed.is_of_items:
        # Most items show a key once. That none came twice is found out while they are merged so.
        try:
            with mrr.savepoint():
                return mirror.apply(mrr, target, incoming, rows=rows)
        except RefusedRowError as error:
            if error.sqlstate != mirror.UNIQUE_VIOLATION:
                raise
    return versions.apply(mrr, target, landed.composed("versions", relation), rows=rows)


def _merge_sets(landed: _Landed, relation: Composable, found: sets.Landed, *, accept: bool) -> None:
    """Merge sets of items that are a whole table each: what one lacks is deleted."""
    work, target, counts = landed.work, landed.target, landed.work.counts[landed.entity.name]
    rows = landed.rows + int(work.mirrors[landed.entity.name][1].rows)
    every, gone = sets.with_deletes(
        work, landed.entity, target, relation, found, rows=rows, accept=accept
    )
    counts.add(versions.apply(work.mrr, target, every, rows=rows))
    counts.deleted += gone


def keep_refused(
    work: Work,
    name: str,
    streamed: Sequence[Streamed],
    *,
    items: Collection[str] | None,
    replaced: Collection[str] = (),
) -> None:
    """Keep the rows that can't become rows of the mirror, and take them out of those that do.

    Args:
        work: the extraction.
        name: the entity.
        streamed: what has landed of it.
        items: see `refused.keep`.
        replaced: see `refused.keep`.
    """
    work.counts[name].rejected += refused.keep(
        work.mrr,
        work.area.area,
        work.area.entities[name],
        work.mirrors[name][0],
        work.lineage,
        any_landed=any(one.refused for one in streamed),
        may_lack_key=landing.may_lack_key(work.area.entities[name], work.delta.tables[name]),
        items=items,
        replaced=replaced,
    )


def _taken_whole(landed: _Landed) -> Collection[str] | None:
    """Find the items that have come from their start: files always do, others at times.

    None: a set of items has come that is all there is.
    """
    if landed.sets.deleting:
        return None
    if landed.is_of_items:
        return [item for one in landed.streamed for _, item in one.items]
    return [""] if landed.entity.name in landed.work.delta.whole else []
