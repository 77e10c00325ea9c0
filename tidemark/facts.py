"""Facts: upserted by natural key, each pointing at the versions in force at its event time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tidemark import db, indexes
from tidemark.db import Composable, Session
from tidemark.model import Counts, Place
from tidemark.scd2 import Dimension

DELETED = "is_deleted"
"""Column of a fact table that keeps what the source deleted."""


@dataclass(frozen=True, slots=True)
class RoleKey:
    """One dimension key of a fact: `column` found by the landing columns `by`."""

    column: str
    dimension: Dimension
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact table and where its columns come from."""

    entity: str
    table: Place
    landed: Place
    """Its landing table."""
    natural_key: tuple[str, ...]
    """Columns of the fact table."""
    columns: Mapping[str, str]
    """Column of the fact table -> landing column, the keys of dimensions and dates apart."""
    event_time: str
    """Landing column; its name in the fact table is `event_column`."""
    event_column: str
    roles: tuple[RoleKey, ...]
    dates: Mapping[str, str]
    """Date key column of the fact table -> landing column of type date."""
    on_delete: Literal["remove", "soft"] = "remove"
    nullable: frozenset[str] = frozenset()
    """Date key columns that are null without a date; the others are 0, the unknown date."""
    texts: frozenset[str] = frozenset()
    """Columns of the fact table that are compared as text."""

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.table)

    @property
    def landing(self) -> Composable:
        """The quoted landing table."""
        return db.name(*self.landed)

    @property
    def resolved(self) -> Composable:
        """The work table of landed facts with their keys."""
        schema, entity = self.landed
        return db.name(schema, f"{entity}.resolved")

    @property
    def found_by(self) -> dict[str, str]:
        """Landing column that identifies a member -> its name in the work table."""
        columns = dict.fromkeys(column for role in self.roles for column in role.by)
        return {column: f"_by_{position}" for position, column in enumerate(columns)}

    def unknown_date(self, column: str) -> Composable:
        """Return what a date key column has without a date."""
        return db.literal(None if column in self.nullable else 0)

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns whose difference makes a row an amended one."""
        own = (DELETED,) if self.on_delete == "soft" else ()
        return (*self.columns, *(role.column for role in self.roles), *self.dates, *own)


def ensure_partitions(session: Session, fact: Fact) -> int:
    """Make the monthly partitions that the landed facts need; returns how many were made."""
    months = session.rows(db.compose("facts", "months", **_parts(fact)))
    return int(
        session.value(
            "select tidemark.ensure_month_partitions(%(fact)s, %(months)s::date[])",
            {"fact": db.quoted(*fact.table), "months": [month for (month,) in months]},
        )
    )


def years(session: Session, fact: Fact) -> set[int]:
    """Read the years in which a date of the landed facts lies."""
    found: set[int] = set()
    for column in set(fact.dates.values()):
        query = db.compose("facts", "years", landing=fact.landing, date=db.name(column))
        found.update(year for (year,) in session.rows(query))
    return found


def resolve(session: Session, fact: Fact, *, applied: int) -> None:
    """Find the dimension and date keys of the landed facts, for `unknown` and `apply`.

    Args:
        session: on the DWH, in the publishing transaction; dimensions are up to date.
        fact: the table.
        applied: last batch that the DWH has applied. Rows that STG first saw later are new here.
    """
    parts = _parts(fact)
    session.run(db.compose("facts", "drop_resolved", **parts))
    session.run(_resolve(fact, applied))
    session.run(db.compose("transfer", "analyze", landing=fact.resolved))


def nearest(dimension: Dimension, x_is: Composable, at: Composable) -> Composable:
    """Compose the key of the version that a fact of an instant points at, null without any.

    Args:
        dimension: its versions are `x`.
        x_is: condition on which `x` is of the fact's natural key.
        at: the instant.
    """
    return db.compose(
        "facts",
        "nearest",
        surrogate=db.name(dimension.surrogate),
        dimension=dimension.name,
        x_is=x_is,
        at=at,
    )


def unknown(fact: Fact, role: RoleKey) -> Composable:
    """Compose the relation of natural keys that resolved facts name and the dimension lacks.

    Its columns are those of the dimension's natural key; keys repeat, and may be null.
    """
    found_by = fact.found_by
    pairs = zip(role.by, role.dimension.natural_key, strict=True)
    return db.compose(
        "facts",
        "unknown",
        by=db.text(", ").join(
            role.dimension.as_key(key, db.name(found_by[column])) + db.text(" as ") + db.name(key)
            for column, key in pairs
        ),
        resolved=fact.resolved,
        column=db.name(role.column),
    )


def apply(session: Session, fact: Fact) -> Counts:
    """Merge the resolved facts into the fact table.

    Args:
        session: on the DWH, in the publishing transaction; inferred members and partitions are
            made.
        fact: the table.

    Returns:
        Rows inserted, updated (a soft delete among them) and deleted.
    """
    parts = _parts(fact)
    for role in fact.roles:
        session.run(_settle(fact, role))
    insert = db.compose("facts", "insert", **parts)
    if session.value(db.compose("facts", "is_empty", **parts)):
        with indexes.built_afterwards(session, fact.table):
            counts = Counts(inserted=session.run(insert))
    else:
        counts = Counts()
        if fact.on_delete == "remove":
            counts.deleted = session.run(db.compose("facts", "remove", **parts))
        counts.updated = session.run(db.compose("facts", "update", **parts))
        session.run(db.compose("facts", "drop_updated", **parts))
        counts.updated += session.run(db.compose("facts", "move", **parts))
        session.run(db.compose("facts", "drop_moved", **parts))
        counts.inserted = session.run(insert)
    session.run(db.compose("facts", "drop_resolved", **parts))
    return counts


def discard(session: Session, fact: Fact, keys: Composable) -> int:
    """Delete the facts of these natural keys, whose columns are those of STG; returns how many."""
    return session.run(
        db.compose(
            "facts",
            "discard",
            **_parts(fact),
            keys=keys,
            f_is_k=db.text(" and ").join(
                db.name("f", column) + db.text(" = ") + db.name("k", fact.columns[column])
                for column in fact.natural_key
            ),
        )
    )


def remove_surplus(session: Session, fact: Fact) -> int:
    """Delete the facts that did not land, of a landing table that holds all there are."""
    return session.run(db.compose("facts", "remove_surplus", **_parts(fact)))


def repoint(session: Session, fact: Fact, role: RoleKey) -> int:
    """Point facts at the versions that now cover their event time, after `scd2.apply`.

    Returns:
        The number of facts that changed their key.
    """
    if session.value(db.compose("facts", "is_empty", fact=fact.name)):
        return 0
    dimension, key = role.dimension, role.dimension.natural_key
    moves = db.compose(
        "facts",
        "moves",
        surrogate=db.name(dimension.surrogate),
        dimension=dimension.name,
        timeline=dimension.timeline,
        t_is_d=db.equal("t", "d", key),
        t_is_o=db.equal("t", "o", key),
    )
    span_from, span_to = session.one(db.compose("facts", "moves_span", moves=moves))
    if span_from is None:
        return 0
    return session.run(
        db.compose(
            "facts",
            "repoint",
            fact=fact.name,
            column=db.name(role.column),
            event_time=db.name(fact.event_column),
            moves=moves,
        ),
        {"span_from": span_from, "span_to": span_to},
    )


def _parts(fact: Fact) -> dict[str, Composable]:
    written = (*fact.compared, "_batch_id")
    return {
        "fact": fact.name,
        "landing": fact.landing,
        "resolved": fact.resolved,
        "event_time": db.name(fact.event_time),
        "written": db.names(written),
        "written_r": db.names(written, of="r"),
        "compared_f": db.compared(fact.compared, "f", fact.texts),
        "compared_r": db.compared(fact.compared, "r", fact.texts),
        "same_key": db.equal("f", "r", fact.natural_key),
        "f_is_l": db.text(" and ").join(
            db.name("f", column) + db.text(" = ") + db.name("l", fact.columns[column])
            for column in fact.natural_key
        ),
        "same_time": db.equal("f", "r", (fact.event_column,)),
    }


def _resolve(fact: Fact, applied: int) -> Composable:
    roles = {f"d{n}": role for n, role in enumerate(fact.roles)}
    named = [*((source, name) for name, source in fact.columns.items()), *fact.found_by.items()]
    columns: list[Composable] = [
        db.name("l", source) + db.text(" as ") + db.name(column) for source, column in named
    ]
    columns += [
        db.compose("facts", "key", **_role_parts(fact, role, alias))
        for alias, role in roles.items()
    ]
    columns += [
        db.compose(
            "facts",
            "date_key",
            date=db.name(source),
            column=db.name(column),
            unknown=fact.unknown_date(column),
        )
        for column, source in fact.dates.items()
    ]
    if fact.on_delete == "soft":
        columns.append(db.text("l._deleted_at is not null as ") + db.name(DELETED))
    kept = "kept_or_known" if fact.on_delete == "soft" else "kept"
    return db.compose(
        "facts",
        "resolve",
        resolved=fact.resolved,
        columns=db.text(", ").join(columns),
        landing=fact.landing,
        joins=db.text("\n").join(
            db.compose("facts", "join", **_role_parts(fact, role, alias))
            for alias, role in roles.items()
        ),
        applied=db.literal(applied),
        condition=db.compose("facts", kept, applied=db.literal(applied)),
    )


def _settle(fact: Fact, role: RoleKey) -> Composable:
    return db.compose(
        "facts",
        "settle",
        resolved=fact.resolved,
        column=db.name(role.column),
        surrogate=db.name(role.dimension.surrogate),
        dimension=role.dimension.name,
        x_is_r=_matches("x", role, "r", [fact.found_by[c] for c in role.by]),
    )


def _role_parts(fact: Fact, role: RoleKey, alias: str) -> dict[str, Composable]:
    return {
        "alias": db.name(alias),
        "column": db.name(role.column),
        "dimension": role.dimension.name,
        "surrogate": db.name(role.dimension.surrogate),
        "event_time": db.name(fact.event_time),
        "alias_is_l": _matches(alias, role, "l", role.by),
        "nearest": nearest(
            role.dimension,
            _matches("x", role, "l", role.by),
            db.name("l", fact.event_time),
        ),
    }


def _matches(dimension: str, role: RoleKey, facts: str, by: Sequence[str]) -> Composable:
    """Compose the join of a dimension on its natural key, both sides given by their alias."""
    return db.text(" and ").join(
        db.name(dimension, key)
        + db.text(" = ")
        + role.dimension.as_key(key, db.name(facts, column))
        for key, column in zip(role.dimension.natural_key, by, strict=True)
    )
