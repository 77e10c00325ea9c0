"""Facts: upserted by natural key, each pointing at the versions in force at its event time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidemark import db, indexes
from tidemark.db import Composable, Session
from tidemark.model import Counts
from tidemark.scd2 import Dimension


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
    table: str
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

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name("public", self.table)

    @property
    def landing(self) -> Composable:
        """The quoted landing table."""
        return db.name("landing", self.entity)

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns whose difference makes a row an amended one."""
        return (*self.columns, *(role.column for role in self.roles), *self.dates)


def ensure_partitions(session: Session, fact: Fact) -> int:
    """Make the monthly partitions that the landed facts need; returns how many were made."""
    months = session.rows(db.compose("facts", "months", **_parts(fact)))
    return int(
        session.value(
            "select tidemark.ensure_month_partitions(%(fact)s, %(months)s::date[])",
            {"fact": fact.table, "months": [month for (month,) in months]},
        )
    )


def years(session: Session, fact: Fact) -> set[int]:
    """Read the years in which a date of the landed facts lies."""
    found: set[int] = set()
    for column in set(fact.dates.values()):
        query = db.compose("facts", "days", landing=fact.landing, date=db.name(column))
        found.update(year for (year,) in session.rows(query))
    return found


def apply(session: Session, fact: Fact, *, applied: int) -> Counts:
    """Merge the landed facts into the fact table.

    Args:
        session: on the DWH, in the publishing transaction; dimensions are up to date, inferred
            members and partitions are made.
        fact: the table.
        applied: last batch that the DWH has applied. Rows that STG first saw later are new here.

    Returns:
        Rows inserted and updated.
    """
    parts = _parts(fact)
    if session.value(db.compose("facts", "is_empty", **parts)):
        everything = _resolved(fact, db.text("true"))
        with indexes.built_afterwards(session, fact.table):
            insert = db.compose("facts", "insert", **parts, resolved=everything)
            return Counts(inserted=session.run(insert))
    counts = _amend(session, parts, _resolved(fact, _lineage("may_be_known", applied)))
    newer = _resolved(fact, _lineage("new", applied))
    counts.inserted += session.run(db.compose("facts", "insert", **parts, resolved=newer))
    return counts


def _amend(session: Session, parts: Mapping[str, Composable], resolved: Composable) -> Counts:
    """Merge facts that may be in the table already, first looking where they were in time."""
    session.run(db.compose("facts", "drop_amended", **parts))
    session.run(db.compose("facts", "amended", **parts, resolved=resolved))
    session.run(db.compose("transfer", "analyze", landing=parts["amended"]))
    updated = session.run(db.compose("facts", "update", **parts))
    session.run(db.compose("facts", "drop_found", **parts))
    counts = Counts(
        updated=updated + session.run(db.compose("facts", "move", **parts)),
        inserted=session.run(db.compose("facts", "insert_missing", **parts)),
    )
    session.run(db.compose("facts", "drop_amended", **parts))
    return counts


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


def _lineage(name: str, applied: int) -> Composable:
    return db.compose("facts", name, applied=db.literal(applied))


def _parts(fact: Fact) -> dict[str, Composable]:
    written = (*fact.compared, "_batch_id")
    return {
        "fact": fact.name,
        "landing": fact.landing,
        "event_time": db.name(fact.event_time),
        "written": db.names(written),
        "written_r": db.names(written, of="r"),
        "compared_f": db.names(fact.compared, of="f"),
        "compared_r": db.names(fact.compared, of="r"),
        "same_key": db.equal("f", "r", fact.natural_key),
        "same_time": db.equal("f", "r", (fact.event_column,)),
        "amended": db.name("landing", f"amended_{fact.entity}"),
    }


def _resolved(fact: Fact, condition: Composable) -> Composable:
    """Compose the query of landed facts with their dimension and date keys."""
    keys = [_key(fact, role, f"d{n}") for n, role in enumerate(fact.roles)]
    keys += [
        db.compose("facts", "date_key", date=db.name(source), column=db.name(column))
        for column, source in fact.dates.items()
    ]
    return db.compose(
        "facts",
        "resolved",
        columns=db.text(", ").join(
            db.name("l", source) + db.text(" as ") + db.name(column)
            for column, source in fact.columns.items()
        ),
        keys=db.text(", ").join(keys),
        landing=fact.landing,
        joins=db.text("\n").join(
            db.compose("facts", "join", **_role_parts(fact, role, f"d{n}"))
            for n, role in enumerate(fact.roles)
        ),
        condition=condition,
    )


def _key(fact: Fact, role: RoleKey, alias: str) -> Composable:
    return db.compose("facts", "key", **_role_parts(fact, role, alias), column=db.name(role.column))


def _role_parts(fact: Fact, role: RoleKey, alias: str) -> dict[str, Composable]:
    pairs: Sequence[tuple[str, str]] = list(zip(role.dimension.natural_key, role.by, strict=True))
    return {
        "alias": db.name(alias),
        "dimension": role.dimension.name,
        "surrogate": db.name(role.dimension.surrogate),
        "event_time": db.name(fact.event_time),
        "alias_is_l": _matches(alias, pairs),
        "x_is_l": _matches("x", pairs),
    }


def _matches(alias: str, pairs: Sequence[tuple[str, str]]) -> Composable:
    return db.text(" and ").join(
        db.name(alias, key) + db.text(" = ") + db.name("l", column) for key, column in pairs
    )
