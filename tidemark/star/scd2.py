"""SCD Type 2 dimensions: derive the timeline of the keys that changed, and write the difference.

A dimension's rows are a function of everything observed of a key: what a batch brings and what is
there already are ordered by effective time, an observation whose type-2 attributes equal its
predecessor's is dropped, and each version ends where the next begins. That one rule covers new,
changed, unchanged, reverted, several in a batch, out of order, replayed, deleted, returned and
inferred (Kimball & Ross, The Data Warehouse Toolkit, ch. 5; docs/scd2.md shows each as tables).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, SEEN_AT, QualifiedName, label
from tidemark.postgres import (
    compose,
    db,
    indexes,
    question,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Row, Session
from tidemark.postgres.question import Question
from tidemark.postgres.times import TimeColumn
from tidemark.postgres.worktable import WorkTable
from tidemark.results import Counts
from tidemark.star.members import Members

VERSIONING = (
    "valid_from",
    "valid_to",
    "is_current",
    "is_deleted",
    "is_inferred",
    "changed_at",
    "_batch_id",
    "_seq",
    "_deleted_batch_id",
    "_deleted_seq",
)
"""Columns that every dimension has beside its key and attributes."""

ENDS = "is_deleted"
"""Column of an observation that says whether its key ends there."""

_WRITTEN = tuple(column for column in VERSIONING if column != "is_inferred")

_KEY = "that of the surrogate key"
_INSTANT = "timestamp with time zone"

_KNOWN = {
    "_key": _KEY,
    "_known_from": _INSTANT,
    "_known_to": _INSTANT,
    "_raw_at": _INSTANT,
    "_live": "boolean",
    "_inferred": "boolean",
    "_batch_id": "bigint",
    "_seq": "bigint",
}
_TIMELINE = {
    "changed_at": _INSTANT,
    "valid_from": _INSTANT,
    "valid_to": _INSTANT,
    "is_current": "boolean",
    "is_deleted": "boolean",
    "_batch_id": "bigint",
    "_seq": "bigint",
    "_deleted_batch_id": "bigint",
    "_deleted_seq": "bigint",
    "_role": "text",
    "_key": _KEY,
    "_cover_from": _INSTANT,
    "_cover_to": _INSTANT,
    "_grew": "boolean",
    "_closes": "boolean",
    "_confirms": "boolean",
}
"""Columns of our own of the two work tables, with their types."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension table and the roles of its columns."""

    entity: str
    table: QualifiedName
    landed: QualifiedName
    """Its landing table."""
    surrogate: str
    natural_key: tuple[str, ...]
    type2: tuple[str, ...]
    type1: tuple[str, ...]
    untracked: tuple[str, ...]
    """Columns of neither type: a version keeps the values of its first observation."""
    effective: TimeColumn
    """Column of the landing table with the time of the change. Of a delete, `_extracted_at` says
    when it was seen, and any other column something older."""
    lands: Literal["changes", "plans", "observations"] = "changes"
    """What landed rows are. `plans`: `effective` may lie in the future, and what the source no
    longer shows before it takes effect is withdrawn. `observations`: all that are known of their
    keys, so that versions which they do not show are withdrawn."""
    has_ends: bool = False
    """Whether an observation may say, by `is_deleted`, that the key ends."""
    tie_breaker: str | None = None
    """Landing column that orders the observations of one instant."""
    first_version: Literal["beginning", "change"] = "beginning"
    is_scratch: bool = False
    """Whether it is the scratch table in which a rebuild derives the dimension."""
    added: Mapping[str, int] = field(default_factory=dict)
    """Column that was added later -> the last batch that did not know it."""
    unkept: Mapping[str, int] = field(default_factory=dict)
    """The same for columns for which it is not recorded yet; 0 for columns of the first publish."""
    texts: frozenset[str] = frozenset()
    """Attributes that are compared as text."""
    key_types: Mapping[str, str] = field(default_factory=dict)
    """See `Members.key_types`."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Surrogate key or attribute -> type."""

    @property
    def members(self) -> Members:
        """The dimension as facts know it."""
        return Members(
            self.entity,
            self.table,
            self.surrogate,
            self.key_type,
            self.natural_key,
            self.key_types,
        )

    def effective_at(self, *alias: str) -> Composable:
        """Compose the instant of a change, in the landing table or in STG's mirror.

        A watermark that may mean two instants means none after the batch that has seen it. So
        changes in the hour that happens twice keep their order if batches saw them one by one.
        """
        at = self.effective.instant(db.name(*alias, self.effective.name))
        if self.lands != "changes" or not self.effective.repeats:
            return at
        return compose.statement(__name__, "seen_by_then", at=at, seen_at=db.name(*alias, SEEN_AT))

    @property
    def order(self) -> Columns:
        """The columns that order the observations of a natural key."""
        return Columns((self.effective.name, *filter(None, [self.tie_breaker])))

    @property
    def withdraws(self) -> bool:
        """Whether a batch may take back what an earlier one has shown."""
        return self.lands != "changes"

    @property
    def attributes(self) -> tuple[str, ...]:
        """Natural key and attributes."""
        return (*self.natural_key, *self.type2, *self.type1, *self.untracked)

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        if self.is_scratch:
            return db.name(*self._work("rebuilt"))
        return db.name(*self.table)

    @property
    def landing(self) -> Composable:
        """The quoted name of its landing table."""
        return db.name(*self.landed)

    @property
    def confirmed(self) -> Composable:
        """The table with the instants at which a version was seen again."""
        if self.is_scratch:
            return db.name(*self._work("confirmed"))
        return db.name(*confirmed_of(self.table))

    @property
    def written(self) -> tuple[str, ...]:
        """Columns that are written for a version. `is_inferred` keeps its default in a new one."""
        return (*self.attributes, *_WRITTEN)

    @property
    def changing(self) -> tuple[str, ...]:
        """Columns that may change in an existing version: all but its keys."""
        return (*self.type2, *self.type1, *self.untracked, *_WRITTEN)

    @property
    def key_type(self) -> str:
        """The type of the surrogate key."""
        return self.types[self.surrogate]

    @property
    def known(self) -> WorkTable:
        """The work table of what is known of a batch's keys, as observations."""
        return self._work_table("known", _KNOWN)

    @property
    def timeline(self) -> WorkTable:
        """The work table that holds the timelines of one batch."""
        return self._work_table("timeline", _TIMELINE)

    def _work_table(self, what: str, own: Mapping[str, str]) -> WorkTable:
        """Return a work table of attributes and columns of our own, some of them surrogate keys."""
        typed = {name: self.key_type if kind == _KEY else kind for name, kind in own.items()}
        columns = worktable.typed(self.types, self.attributes) + worktable.own(**typed)
        return WorkTable(self._work(what), columns)

    def _work(self, what: str) -> QualifiedName:
        schema, entity = self.landed
        return schema, f"{entity}.{what}"


def confirmed_of(table: QualifiedName) -> QualifiedName:
    """Return the table with the instants at which versions of a dimension were seen again."""
    return "tidemark", f"{label(table)}_confirmed"


def apply(
    session: Session, dimension: Dimension, *, rows: int, before: Sequence[Composable] = ()
) -> Counts:
    """Merge what landed into the dimension; the work tables stay, for `pointers.repoint`.

    Args:
        session: on the DWH, in the publishing transaction; its landing table is filled.
        dimension: the table and its roles.
        rows: about how many landed.
        before: what to run when the timelines are made, and the versions are as they were.

    Returns:
        Versions inserted, changed, and superseded (their neighbour became equal).
    """
    if dimension.unkept:
        names, batches = [*dimension.unkept], [*dimension.unkept.values()]
        which = {"dimension": label(dimension.table), "columns": names, "since": batches}
        session.queue(compose.statement(__name__, "keep_since"), which)
    parts = _parts(dimension)
    is_whole = dimension.lands == "observations"
    if not is_whole and session.value(compose.statement(__name__, "is_first_load", parts)):
        session.queue(dimension.timeline.emptied)
        fill = compose.statement(__name__, "fill", parts)
        has_indexes = rows > worktable.FEW and not dimension.is_scratch
        with indexes.built_afterwards(session, dimension.table) if has_indexes else nullcontext():
            return Counts(inserted=session.run(fill))
    _make_timeline(session, dimension, rows=rows)
    for note in before:
        session.queue(note)
    session.queue(compose.statement(__name__, "delete", parts))
    updated = session.run(compose.statement(__name__, "update", parts))
    session.queue(compose.statement(__name__, "insert", parts))
    if not is_whole:
        for step in ("withdraw_confirmations", "confirm"):
            session.queue(compose.statement(__name__, step, parts))
    ((inserted, deleted, closed),) = session.again(compose.statement(__name__, "examine", parts))
    return Counts(inserted=inserted, updated=updated, deleted=deleted, closed=closed)


def _make_timeline(session: Session, dimension: Dimension, *, rows: int) -> None:
    """Make the timeline of the keys that landed.

    Steps that can't matter to these keys are left out of its statement.
    """
    parts = _parts(dimension)
    know = compose.statement(__name__, "know", parts)
    worktable.fill(session, dimension.known, know, rows=rows)
    has_deletes = has_more = False
    if dimension.lands != "observations":
        session.queue(compose.statement(__name__, "know_confirmed", parts))
        ((has_deletes, has_more),) = session.again(compose.statement(__name__, "look", parts))
        has_more = has_more or has_deletes or dimension.withdraws or bool(dimension.added)
    queries = [_rebuilt(dimension, parts, has_deletes=has_deletes, has_more=has_more)]
    if dimension.withdraws:
        queries.append(compose.statement(__name__, "removed", parts))
    worktable.fill(session, dimension.timeline, compose.union_all(queries), rows=rows)
    # By attributes, versions are only compared with those of their keys.
    columns = (*dimension.natural_key, *_TIMELINE)
    worktable.analyze(session, dimension.timeline.name, rows=rows, columns=columns)


def as_known(dimension: Dimension, landed: Composable) -> Composable:
    """Compose the query of the versions that follow from rows alone, by the rule of `apply`.

    It writes nothing, and needs no table of the dimension's: so it tells what the dimension said
    when these rows were all that was known.

    Args:
        dimension: the table and its roles.
        landed: query of the rows that landed, with the columns of the landing table.

    Returns:
        Query of `dimension.written`, in the order of the keys and of `valid_from`.
    """
    parts = {**_parts(dimension), "landing": db.name("landed"), "known": db.name("known")}
    timeline = _rebuilt(dimension, parts, has_deletes=True, has_more=True)
    return compose.statement(__name__, "as_known", parts, landed=landed, timeline=timeline)


def _rebuilt(
    dimension: Dimension, parts: Parts, *, has_deletes: bool, has_more: bool
) -> compose.Statement:
    """Compose the query of timelines."""
    if dimension.lands == "observations":
        ranked = compose.statement(__name__, "observations", parts, **_order(dimension))
    else:
        ranked = _ranked(dimension, parts, has_deletes=has_deletes, has_more=has_more)
    told = compose.statement(__name__, "told" if dimension.withdraws else "not_told", parts)
    return compose.statement(__name__, "rebuild", parts, ranked=ranked, told=told)


def _ranked(
    dimension: Dimension, parts: Parts, *, has_deletes: bool, has_more: bool
) -> compose.Statement:
    """Compose the queries of all observations, which only plans withdraw."""
    arrived = "some_arrived" if has_more else "all_arrived"
    judged = "judged" if dimension.withdraws else "not_judged"
    placed = "moved" if has_deletes else "not_moved"
    return compose.statement(
        __name__,
        "changes",
        parts,
        arrived=compose.statement(__name__, arrived, parts),
        judged=compose.statement(__name__, judged, parts),
        placed=compose.statement(__name__, placed, parts),
        withdrawn=Columns(("_withdrawn",) if dimension.withdraws else ()),
    )


def _order(dimension: Dimension) -> dict[str, Composable | Columns]:
    """Compose what orders observations, and says whether one is live."""
    return {
        "order": dimension.order,
        "live": db.raw(f"{ENDS} is not true" if dimension.has_ends else "true"),
    }


def since(tables: Collection[QualifiedName]) -> Question[dict[str, dict[str, int]]]:
    """Ask since when columns of dimensions are there.

    Returns:
        Label of the table -> column -> the last batch that knows nothing of it.
    """
    labels = [label(table) for table in tables]

    def read(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {table: {} for table in labels}
        for table, column, batch_id in rows:
            found[table][column] = batch_id
        return found

    return question.of(compose.statement(__name__, "since"), {"dimensions": labels}, read)


def take_over(session: Session, dimension: Dimension) -> int:
    """Let inferred members take the facts of keys over that have no observation any more.

    Returns:
        How many do.
    """
    return session.run(compose.statement(__name__, "take_over", _parts(dimension)))


def cleanup(session: Session, dimension: Dimension, *, rows: int) -> None:
    """Leave the work tables to the next one."""
    worktable.release(session, dimension.known, dimension.timeline, rows=rows)


def _parts(dimension: Dimension) -> Parts:
    added = tuple(column for column in dimension.attributes if column in dimension.added)
    return {
        "landing": dimension.landing,
        "dimension": dimension.name,
        "confirmed": dimension.confirmed,
        "known": dimension.known.name,
        "timeline": dimension.timeline.name,
        "key_type": db.raw(dimension.key_type),
        "surrogate": db.name(dimension.surrogate),
        "effective": dimension.effective_at(),
        "is_by_sight": db.literal(dimension.effective.name == SEEN_AT),
        "clock": db.name("_extracted_at")
        if dimension.lands == "plans"
        else db.raw("null::timestamptz"),
        "nk": Columns(dimension.natural_key),
        "type2": Columns(dimension.type2, texts=dimension.texts),
        "type1": Columns(dimension.type1),
        "untracked": Columns(dimension.untracked),
        "attributes": Columns(dimension.attributes),
        "lasting": Columns(tuple(c for c in dimension.attributes if c not in dimension.added)),
        "added": Columns(added),
        "since": [db.literal(dimension.added[column]) for column in added],
        "written": Columns(dimension.written),
        "changing": Columns(dimension.changing),
        **Columns(dimension.changing, texts=dimension.texts).split(),
        "from_beginning": db.literal(dimension.first_version == "beginning"),
        "beginning": db.literal(BEGINNING_OF_TIME),
        "end": db.literal(END_OF_TIME),
    }
