"""Facts: upserted by natural key, each pointing at the versions in force at its event time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

from tidemark.model import QualifiedName
from tidemark.postgres import (
    compose,
    db,
    indexes,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.times import TimeColumn
from tidemark.postgres.worktable import WorkTable
from tidemark.results import Counts
from tidemark.star.grains import Notes
from tidemark.star.members import Members

DELETED = "is_deleted"
"""Column of a fact table that marks the facts which the source deleted (`on_delete: soft`)."""


@dataclass(frozen=True, slots=True)
class RoleKey:
    """One dimension key of a fact: `column` found by the landing columns `by`."""

    column: str
    dimension: Members
    by: tuple[str, ...]

    @property
    def nk(self) -> Columns:
        """The natural key of the dimension."""
        return Columns(self.dimension.natural_key)

    def read(self, columns: Sequence[str]) -> Columns:
        """Return columns that hold the values of `by`, cast to the types of the natural key."""
        return Columns(tuple(columns), types=self.dimension.read_as)


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact table and where its columns come from."""

    entity: str
    table: QualifiedName
    landed: QualifiedName
    """Its landing table."""
    natural_key: tuple[str, ...]
    """Columns of the fact table."""
    columns: Mapping[str, str]
    """Column of the fact table -> landing column, without the keys of dimensions and dates."""
    event_time: TimeColumn
    """Landing column; its name in the fact table is `event_column`."""
    event_column: str
    roles: tuple[RoleKey, ...]
    dates: Mapping[str, TimeColumn]
    """Date key column of the fact table -> landing column with its day."""
    on_delete: Literal["remove", "soft"] = "remove"
    nullable: frozenset[str] = frozenset()
    """Date key columns that are null without a date; the others are 0, the unknown date."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Column of the fact table that is compared as text -> type."""
    landed_types: Mapping[str, str] = field(default_factory=dict)
    """Landing column -> type."""

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.table)

    @property
    def landing(self) -> Composable:
        """The quoted landing table."""
        return db.name(*self.landed)

    @property
    def resolved(self) -> WorkTable:
        """The work table of landed facts with their keys."""
        schema, entity = self.landed
        landed = {**self.columns, **{ours: column for column, ours in self.found_by.items()}}
        types = {name: self.landed_types[column] for name, column in landed.items()}
        types |= {role.column: role.dimension.key_type for role in self.roles}
        types |= dict.fromkeys(self.dates, "integer") | dict.fromkeys(self.soft, "boolean")
        types |= {"_batch_id": "bigint", "_may_be_here": "boolean"}
        return WorkTable((schema, f"{entity}.resolved"), worktable.own(**types))

    @property
    def written(self) -> WorkTable:
        """The work table of the keys of facts that a step has written."""
        schema, entity = self.landed
        columns = tuple(c for c in self.resolved.columns if c.name in self.natural_key)
        return WorkTable((schema, f"{entity}.written"), columns)

    @property
    def found_by(self) -> dict[str, str]:
        """Landing column that identifies a member -> its name in the work table."""
        columns = dict.fromkeys(column for role in self.roles for column in role.by)
        return {column: f"_by_{position}" for position, column in enumerate(columns)}

    def landed_at(self, alias: str) -> Composable:
        """The instant of a fact's event, in its landing table."""
        return self.event_time.instant(db.name(alias, self.event_time.name))

    def stored_at(self, alias: str) -> Composable:
        """The instant of a fact's event, in the fact table."""
        return self.event_time.instant(db.name(alias, self.event_column))

    def days(self, alias: str) -> list[Composable]:
        """The days of the date keys, in the landing table or in STG's mirror."""
        return [column.day(db.name(alias, column.name)) for column in self.dates.values()]

    def unknown_date(self, column: str) -> Composable:
        """Return the value of a date key column for a fact without a date."""
        return db.literal(None if column in self.nullable else 0)

    @property
    def soft(self) -> tuple[str, ...]:
        """The column that marks deleted facts, if they are kept."""
        return (DELETED,) if self.on_delete == "soft" else ()

    @property
    def changing(self) -> tuple[str, ...]:
        """Columns whose difference makes a row an amended one: all but the natural key."""
        own = [column for column in self.columns if column not in self.natural_key]
        keys = [*(role.column for role in self.roles), *self.dates]
        return (*own, *keys, *self.soft)


def ensure_partitions(session: Session, fact: Fact) -> int:
    """Make the monthly partitions that the landed facts need; returns how many were made."""
    months = compose.statement(__name__, "months", _parts(fact))
    table = db.literal(db.quoted(*fact.table))
    return int(
        session.value(compose.statement(__name__, "ensure_partitions", table=table, months=months))
    )


def unknown_years(session: Session, fact: Fact) -> set[int]:
    """Read the years of dates of the landed facts that the date dimension lacks."""
    questions = [
        compose.statement(__name__, "years", landing=fact.landing, day=day)
        for day in fact.days("l")
    ]
    if not questions:
        return set()
    asked = compose.statement(__name__, "unknown_years", years=compose.union_all(questions))
    return {year for (year,) in session.again(asked)}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was found out about the landed facts."""

    lacking: Sequence[RoleKey]
    """Roles in which a fact has no key: the dimension lacks its natural key, or that is null."""
    may_be_here: bool
    """Whether one may be in the table, to be amended or deleted. Otherwise all are new."""


def resolve(session: Session, fact: Fact, *, applied: int, rows: int) -> Resolved:
    """Find the dimension and date keys of the landed facts, for `unknown` and `apply`.

    Args:
        session: on the DWH, in the publishing transaction; dimensions are up to date.
        fact: the table.
        applied: last batch that the DWH has applied. Rows that STG first saw later are new here.
        rows: about how many landed.
    """
    worktable.fill(session, fact.resolved, _resolve(fact, applied), rows=rows)
    worktable.analyze(session, fact.resolved.name, rows=rows)
    columns = Columns(tuple(role.column for role in fact.roles))
    ((lacking, may_be_here),) = session.again(
        compose.statement(__name__, "lacking", _parts(fact), columns=columns)
    )
    return Resolved([role for role in fact.roles if role.column in lacking], may_be_here)


def nearest(dimension: Members, *, known: str, by: Columns, at: Composable) -> Composable:
    """Compose the key of the version that a fact of an instant points at, null without any.

    Args:
        dimension: what the fact points at.
        known: alias of a relation in which the natural key is.
        by: its columns there.
        at: the instant.
    """
    return compose.statement(
        __name__,
        "nearest",
        surrogate=db.name(dimension.surrogate),
        dimension=dimension.name,
        nk=Columns(dimension.natural_key),
        known=db.name(known),
        by=by,
        at=at,
    )


def unknown(fact: Fact, role: RoleKey) -> Composable:
    """Compose the relation of natural keys that resolved facts name and the dimension lacks.

    Its columns are those of the dimension's natural key; keys repeat, and may be null.
    """
    return compose.statement(
        __name__,
        "unknown",
        by=role.read([fact.found_by[column] for column in role.by]),
        nk=role.nk,
        resolved=fact.resolved.name,
        column=db.name(role.column),
    )


def apply(
    session: Session,
    fact: Fact,
    found: Resolved,
    *,
    rows: int,
    notes: Notes | None = None,
) -> Counts:
    """Merge the resolved facts into the fact table.

    Args:
        session: on the DWH, in the publishing transaction; inferred members and partitions are
            made.
        fact: the table.
        found: what `resolve` has returned.
        rows: about how many landed.
        notes: notes what changes, before it does.

    Returns:
        Rows inserted, updated (a soft delete among them) and deleted.
    """
    parts = _parts(fact)

    def changing(name: str) -> Composable:
        return compose.statement(__name__, name, parts)

    def step(name: str) -> int:
        return session.run(compose.statement(__name__, name, parts))

    for role in found.lacking:
        _queue(session, _resolve_missing(fact, role))
    is_empty = compose.statement(__name__, "is_empty", fact=fact.name)
    is_first = rows > worktable.FEW and bool(session.value(is_empty))
    if is_first or not found.may_be_here:
        if notes:
            _queue(session, notes.new(fact.resolved))
        beside = indexes.built_afterwards(session, fact.table) if is_first else nullcontext()
        with beside:
            counts = Counts(inserted=step("insert"))
    else:
        # Each step takes the facts that it has written out of {resolved}: the next one looks only
        # for the others.
        counts = Counts()
        if fact.on_delete == "remove":
            if notes:
                _queue(session, notes.leaving(changing("to_remove")))
            counts.deleted = step("remove")
        if notes:
            _queue(session, notes.amended(changing("to_update"), fact.resolved))
        counts.updated = step("update")
        are_left = _drop(session, fact, "updated", rows=rows)
        if notes:  # What is left moves, or is new.
            _queue(session, notes.new(fact.resolved))
        if are_left:
            worktable.analyze(session, fact.resolved.name, rows=rows)
            if notes:
                _queue(session, notes.leaving(changing("to_redate")))
            counts.updated += step("redate")
            _drop(session, fact, "redated", rows=rows)
        worktable.release(session, fact.written, rows=rows)
        counts.inserted = step("insert")
    worktable.release(session, fact.resolved, rows=rows)
    return counts


def _drop(session: Session, fact: Fact, written: str, *, rows: int) -> bool:
    """Take facts that are written out of `resolved`; returns whether others may be here still."""
    parts = _parts(fact)
    worktable.fill(session, fact.written, compose.statement(__name__, written, parts), rows=rows)
    worktable.analyze(session, fact.written.name, rows=rows)
    session.queue(compose.statement(__name__, "drop_written", parts))
    return bool(session.value(compose.statement(__name__, "some_are_left", parts)))


def discard(session: Session, fact: Fact, keys: Composable, *, notes: Notes | None = None) -> int:
    """Delete the facts of these natural keys, whose columns are those of STG; returns how many."""
    parts = _parts(fact)
    gone = compose.statement(__name__, "gone", parts, keys=keys)
    if notes:
        some = compose.statement(__name__, "to_discard", parts, gone=gone)
        _queue(session, notes.leaving(some))
    return session.run(compose.statement(__name__, "discard", parts, gone=gone))


def remove_surplus(session: Session, fact: Fact) -> int:
    """Delete the facts that are not in the landing table, which has to hold all facts of STG."""
    return session.run(compose.statement(__name__, "remove_surplus", _parts(fact)))


def _queue(session: Session, statements: Iterable[Composable]) -> None:
    for statement in statements:
        session.queue(statement)


def _parts(fact: Fact) -> Parts:
    changing = Columns(fact.changing, texts=frozenset(fact.texts))
    return {
        "fact": fact.name,
        "landing": fact.landing,
        "resolved": fact.resolved.name,
        "written": fact.written.name,
        "event_time": db.name(fact.event_time.name),
        "event_column": db.name(fact.event_column),
        "nk": Columns(fact.natural_key),
        "landed_nk": Columns(tuple(fact.columns[column] for column in fact.natural_key)),
        "changing": changing,
        **changing.split(fact.texts),
    }


def _resolve(fact: Fact, applied: int) -> Composable:
    roles = {f"d{number}": role for number, role in enumerate(fact.roles)}
    return compose.statement(
        __name__,
        "resolve",
        landing=fact.landing,
        landed=Columns(tuple(fact.columns.values())),
        stored=Columns(tuple(fact.columns)),
        members=Columns(tuple(fact.found_by)),
        found_by=Columns(tuple(fact.found_by.values())),
        surrogate=[db.name(alias, role.dimension.surrogate) for alias, role in roles.items()],
        nearest=[_nearest(fact, role) for role in fact.roles],
        columns=Columns(tuple(role.column for role in fact.roles)),
        days=fact.days("l"),
        date_keys=Columns(tuple(fact.dates)),
        unknown_dates=[fact.unknown_date(column) for column in fact.dates],
        soft=Columns(fact.soft),
        is_soft=db.literal(fact.on_delete == "soft"),
        in_force=[_in_force(fact, role, alias) for alias, role in roles.items()],
        applied=db.literal(applied),
    )


def _nearest(fact: Fact, role: RoleKey) -> Composable:
    at = fact.landed_at("l")
    return nearest(role.dimension, known="l", by=role.read(role.by), at=at)


def _in_force(fact: Fact, role: RoleKey, alias: str) -> Composable:
    return compose.statement(
        __name__,
        "in_force",
        d=db.name(alias),
        dimension=role.dimension.name,
        nk=role.nk,
        by=role.read(role.by),
        at=fact.landed_at("l"),
    )


def _resolve_missing(fact: Fact, role: RoleKey) -> Iterator[Composable]:
    missing: Parts = {"resolved": fact.resolved.name, "column": db.name(role.column)}
    yield compose.statement(
        __name__,
        "resolve_inferred",
        missing,
        surrogate=db.name(role.dimension.surrogate),
        dimension=role.dimension.name,
        nk=role.nk,
        by=role.read([fact.found_by[column] for column in role.by]),
    )
    yield compose.statement(__name__, "resolve_unknown", missing)
