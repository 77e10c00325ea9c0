"""What the catalog of a PostgreSQL source says of all its tables. Nothing is written there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import available_timezones

from tidemark.layers import drift
from tidemark.model import Column, QualifiedName
from tidemark.postgres import catalog, compose, db, transfer
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Session

_LOOKED_AT = 10_000
"""Rows of a table in which nulls and infinities are looked for."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index of all rows of a table. A column is None where it is an expression."""

    columns: tuple[str | None, ...]
    is_unique: bool = False
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: columns of a table, and those of the target that they name."""

    columns: tuple[str, ...]
    target: QualifiedName
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table or view of a source."""

    name: QualifiedName
    columns: tuple[Column, ...] = ()
    """Each has the type that it has in a mirror."""
    kind: str = "r"
    """`pg_class.relkind`."""
    rows: float = 0.0
    """The planner's estimate."""
    part_of: QualifiedName | None = None
    """The table that shows the rows of this one too: as its partition, or by inheritance."""
    may_use: bool = True
    """Whether the login may use its schema."""
    may_read: bool = True
    hides_rows: bool = False
    """Whether a policy hides rows from the login."""
    is_stamped: bool = False
    """Whether a trigger of the table sees each update, and so may move a time of change."""
    indexes: tuple[Index, ...] = ()
    references: tuple[Reference, ...] = ()
    lacking: frozenset[str] = frozenset()
    """Columns with a time that are null or infinite in some row, as far as was looked."""

    @property
    def label(self) -> str:
        """Schema and table, for people."""
        return ".".join(self.name)

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(one for one in self.columns if one.name == name)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What was read of a source."""

    tables: Mapping[QualifiedName, SourceTable]
    login: str = ""
    zone: str = "UTC"
    """The time zone of sessions that set none, such as those of an application."""
    is_standby: bool = False
    sees_all_sessions: bool = True
    keywords: frozenset[str] = field(default=frozenset())
    """Words of SQL that are no names unless they are quoted."""


def is_time(column: Column) -> bool:
    """Whether a column is a date, or a timestamp with or without a zone."""
    is_stamp = column.type.startswith("timestamp") and not column.type.endswith("[]")
    return is_stamp or column.type == "date"


def has_zone(column: Column) -> bool:
    """Whether a time is an instant, and not what a clock somewhere showed."""
    return column.type.endswith("with time zone")


def read(session: Session) -> Catalog:
    """Read the catalog in one transaction that may write nothing."""
    with session.transaction(transfer.READ_ONLY):
        session.run(db.raw(f"set local statement_timeout = {_milliseconds(timedelta(minutes=2))}"))
        login, is_standby, sees_all, zone, words = session.one(
            compose.statement(__name__, "server")
        )
        tables = _relations(session)
        tables = _with_columns(session, tables)
        tables = _with_lacking(session, _lifted(_with_keys(session, tables)))
    zone = zone if zone in available_timezones() else "UTC"
    return Catalog(tables, login, zone, is_standby, sees_all, frozenset(words))


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


_Tables = dict[QualifiedName, SourceTable]


def _relations(session: Session) -> _Tables:
    found = {}
    for row in session.rows(compose.statement(__name__, "relations")):
        schema, table, kind, rows, may_use, may_read, hides, stamped, parent_schema, parent = row
        found[schema, table] = SourceTable(
            name=(schema, table),
            kind=kind,
            rows=rows,
            part_of=(parent_schema, parent) if parent else None,
            may_use=may_use,
            may_read=may_read,
            hides_rows=hides,
            is_stamped=stamped,
        )
    return found


def _with_columns(session: Session, tables: _Tables) -> _Tables:
    shown = catalog.tables(session, list(tables))
    return {
        name: replace(
            table, columns=tuple(replace(c, type=drift.mirrored(c)) for c in shown[name].columns)
        )
        for name, table in tables.items()
        if name in shown
    }


def _with_keys(session: Session, tables: _Tables) -> _Tables:
    indexes, references = defaultdict(list), defaultdict(list)
    for schema, table, is_unique, is_primary, columns in session.rows(
        compose.statement(__name__, "indexes")
    ):
        indexes[schema, table].append(Index(tuple(columns), is_unique, is_primary))
    for schema, table, target_schema, target, columns, named in session.rows(
        compose.statement(__name__, "references")
    ):
        to = Reference(tuple(columns), (target_schema, target), tuple(named))
        references[schema, table].append(to)
    return {
        name: replace(table, indexes=tuple(indexes[name]), references=tuple(references[name]))
        for name, table in tables.items()
    }


def _lifted(tables: _Tables) -> _Tables:
    """Give tables the foreign keys of their partitions. Some schemas declare them there alone."""
    references = {name: list(table.references) for name, table in tables.items()}
    for name, table in tables.items():
        above = table.part_of
        while above in tables:
            references[above] += references[name]
            above = tables[above].part_of
    return {
        name: replace(table, references=_once(references[name], tables))
        for name, table in tables.items()
    }


def _once(references: Sequence[Reference], tables: _Tables) -> tuple[Reference, ...]:
    """Drop what is there twice, as where both a table and its partitions are referred to."""
    whole = [
        one
        for one in references
        if one.target not in tables or tables[one.target].part_of not in tables
    ]
    return tuple(dict.fromkeys(whole))


def _with_lacking(session: Session, tables: _Tables) -> _Tables:
    """Find the times that are null or infinite in some row."""
    asked = [
        (name, [c.name for c in table.columns if is_time(c)])
        for name, table in tables.items()
        if table.may_use and table.may_read and not table.hides_rows and table.kind in "rp"
    ]
    asked = [(name, columns) for name, columns in asked if columns]
    if not asked:
        return tables
    queries = [
        compose.statement(
            __name__,
            "lacking",
            place=db.literal(place),
            columns=Columns(tuple(columns)),
            table=db.name(*name),
            rows=db.literal(_LOOKED_AT),
        )
        for place, (name, columns) in enumerate(asked)
    ]
    known = {
        (schema, table): {*columns}
        for schema, table, columns in session.rows(compose.statement(__name__, "statistics"))
    }
    found = dict(tables)
    for place, lacking in session.rows(compose.union_all(queries)):
        name, columns = asked[place]
        nulls = {*lacking, *known.get(name, ())} & {*columns}
        found[name] = replace(found[name], lacking=frozenset(nulls))
    return found
