"""Versioned mirrors (MRR and STG): one current row per key, replaced versions in the history.

A hop sends every version that was written by a batch after the last one that the receiver has
applied. So a layer that was away catches up with every version in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, RefusedRowError
from tidemark.layers import checkable, checking, contracts
from tidemark.layers.checking import Checked
from tidemark.model import (
    ORIGIN,
    Column,
    Key,
    QualifiedName,
    Reader,
    ServerName,
    Table,
    compared_as_text,
)
from tidemark.postgres import (
    catalog,
    compose,
    db,
    indexes,
    question,
    sqlfiles,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.sqltypes import unsized
from tidemark.postgres.worktable import WorkTable
from tidemark.results import Counts

LINEAGE = ("_batch_id", "_seq", "_first_batch_id", "_extracted_at", "_deleted_at")
"""Columns that every mirror has in addition to its payload."""

LINEAGE_COLUMNS = (
    Column("_batch_id", "bigint"),
    Column("_seq", "bigint"),
    Column("_first_batch_id", "bigint"),
    Column("_extracted_at", "timestamp with time zone"),
    Column("_deleted_at", "timestamp with time zone"),
)


UNIQUE_VIOLATION = "23505"
"""SQLSTATE of a key that occurs twice."""

REASONS = "reject_reasons"
"""Column of a cleansing view that says why it refuses a row."""

RESERVED = frozenset(LINEAGE) | sqlfiles.reserved("payload")
"""Names that no column of a payload may have."""

_RESERVED_IN_KEYS = RESERVED | sqlfiles.reserved("key")
_RESERVED_IN_STG = {REASONS} | sqlfiles.reserved("staged")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror table: its payload columns and the key among them."""

    table: QualifiedName
    work: str
    """Schema of its work tables."""
    payload: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    """Payload columns that are compared as text."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Payload column -> type."""

    @property
    def tables(self) -> tuple[QualifiedName, QualifiedName]:
        """The names of the table and of its history."""
        return self.table, contracts.history_of(self.table)

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.table)

    @property
    def history(self) -> Composable:
        """The quoted name of the table with the replaced versions."""
        return db.name(*contracts.history_of(self.table))

    @property
    def compared(self) -> Columns:
        """The columns in which two versions of a row differ."""
        some = tuple(one for one in self.payload if one not in ORIGIN or one in self.key)
        return Columns(some, texts=self.texts)

    @property
    def found(self) -> WorkTable:
        """The work table of the rows of one batch that are here already."""
        known = worktable.typed(self.types, self.key)
        told = worktable.own(_row="tid", _replaced_by="bigint", _differs="boolean")
        return self.work_table("found", known + told)

    @property
    def parts(self) -> Parts:
        """What fills the placeholders of statements that ask for what batches have written."""
        return {
            "mirror": self.name,
            "spelled": db.literal(db.quoted(*self.table)),
            "history": self.history,
            "key": Columns(self.key),
        }

    def work_table(self, what: str, columns: tuple[Column, ...]) -> WorkTable:
        """Return one of its work tables."""
        return WorkTable((self.work, f"{self.table[1]}.{what}"), columns)


Mirrored = tuple[Mirror, Table]
"""A mirror, and its table as the catalog shows it."""


def bare(entity: Entity, layer: ServerName) -> Mirror:
    """Return an entity's mirror as area.yml declares it: without its payload."""
    return Mirror(entity.table(layer), entity.landing[0], (), entity.row_key)


def read(session: Session, area: Area) -> dict[str, tuple[Mirror, Table]]:
    """Read the mirror tables of an area from the catalog of MRR or STG.

    Raises:
        ContractError: see `of`.
    """
    return of(session.server, area, question.ask(session, tables(session, area)))


def tables(session: Session, area: Area) -> Question[dict[QualifiedName, Table]]:
    """Ask for the mirror tables of an area, as the catalog of MRR or STG has them."""
    both = [bare(entity, session.server).tables for entity in area.entities.values()]
    return catalog.named(session, [table for two in both for table in two])


def of(
    layer: ServerName, area: Area, found: Mapping[QualifiedName, Table]
) -> dict[str, tuple[Mirror, Table]]:
    """Return the mirrors of an area: entity -> its mirror, and the mirror's table.

    Args:
        layer: MRR or STG.
        area: the area of the mirrors.
        found: their tables, as the catalog has them.

    Raises:
        ContractError: those that do not exist, or lack the key or the lineage columns.
    """
    return checked(layer, area, found).whole()


def checked(
    layer: ServerName, area: Area, found: Mapping[QualifiedName, Table]
) -> Checked[Mirrored]:
    """Check the mirrors of an area; see `of`."""
    return checking.each(
        area.entities.values(),
        lambda entity: wrong(layer, area, entity, found),
        lambda entity: made(layer, entity, found),
    )


def wrong(
    layer: ServerName, area: Area, entity: Entity, found: Mapping[QualifiedName, Table]
) -> Iterator[ContractError]:
    """Yield what is wrong with an entity's mirror; see `of`."""
    why = f"entities.{entity.name}.{layer} of sql/{area.area}/area.yml"
    places = bare(entity, layer).tables
    missing = next(catalog.missing(found, places, server=layer, why=why), None)
    if missing:
        yield missing
        return
    table, history = (found[place] for place in places)
    for each in (table, history):
        yield from contracts.without_order(layer, each)
    yield from contracts.without_replacement(layer, history)
    yield from catalog.lacking(table, [*entity.row_key, *LINEAGE], server=layer, why=why)
    yield from _named_as_ours(layer, table, _payload(table), entity.row_key)
    yield from contracts.unlike(layer, area, table, history)
    yield from checkable.wrong(layer, area, entity, table)


def made(
    layer: ServerName, entity: Entity, found: Mapping[QualifiedName, Table]
) -> tuple[Mirror, Table]:
    """Return an entity's mirror, with which nothing is wrong, and its table."""
    target = bare(entity, layer)
    table, history = (found[place] for place in target.tables)
    table = replace(
        table,
        readers=partial(_readers, table, history),
        slots=max(table.slots, history.slots),
    )
    target = replace(
        target,
        payload=_payload(table),
        texts=compared_as_text(table.columns),
        types={column.name: column.type for column in table.columns},
    )
    return target, table


def _payload(table: Table) -> tuple[str, ...]:
    return tuple(column for column in table.names if column not in LINEAGE)


def _readers(*tables: Table) -> tuple[Reader, ...]:
    return tuple(reader for table in tables for reader in table.readers())


def _named_as_ours(
    layer: str, table: Table, payload: Sequence[str], key: Sequence[str]
) -> Iterator[ContractError]:
    taken = {*RESERVED & {*payload}, *_RESERVED_IN_KEYS & {*key}}
    if layer == "stg":
        taken |= _RESERVED_IN_STG & {*payload}
    for column in sorted(taken):
        yield ContractError(
            f"{layer}: {table.name} has a column {column!r}, a name that Tidemark keeps for a "
            "column of its own. Rename it; MRR can do without a column that is not of the key "
            "(drop it there, and set `on_new_column: ignore`).",
            server=layer,
            table=table.name,
            column=column,
        )


def apply(
    session: Session, mirror: Mirror, incoming: Composable, *, rows: int, rewrite: bool = False
) -> Counts:
    """Merge one batch's rows into a mirror.

    Args:
        session: on the mirror's server, in the transaction that applies the batch.
        mirror: the table.
        incoming: relation with payload and lineage columns, one row per key (`versions.apply` takes
            several). A row that equals the mirror's writes nothing, so reading it twice does no
            harm.
        rows: about how many those are.
        rewrite: write equal rows too, so that later layers get them again.

    Returns:
        Rows inserted and updated.

    Raises:
        RefusedRowError: a key came twice (`UNIQUE_VIOLATION`), or PostgreSQL refuses a row.
    """
    parts: Parts = {
        "mirror": mirror.name,
        "history": mirror.history,
        "found": mirror.found.name,
        "incoming": incoming,
        "key": Columns(mirror.key),
        "payload": Columns(mirror.payload),
        "compared": mirror.compared,
        "rewrite": db.literal(rewrite),
    }
    if rows > worktable.FEW and is_empty(session, mirror):
        with indexes.built_afterwards(session, mirror.table):
            return Counts(inserted=session.run(compose.statement(__name__, "fill", parts)))
    find = compose.statement(__name__, "find", parts)
    worktable.fill(session, mirror.found, find, rows=rows)
    worktable.analyze(session, mirror.found.name, rows=rows)
    ((is_repeated, updated, inserted),) = session.again(
        compose.statement(__name__, "insert_examined", parts)
    )
    if is_repeated:
        raise RefusedRowError(session.server, "a key came twice", sqlstate=UNIQUE_VIOLATION)
    if updated:
        session.queue(compose.statement(__name__, "keep_history", parts))
        session.run(compose.statement(__name__, "update", parts))
    worktable.release(session, mirror.found, rows=rows)
    return Counts(inserted=inserted, updated=updated)


def is_empty(session: Session, mirror: Mirror) -> bool:
    """Whether a mirror has no row, not even a deleted one."""
    return bool(session.value(compose.statement(__name__, "is_empty", mirror=mirror.name)))


def filled(session: Session, mirrors: Mapping[str, Mirror]) -> list[str]:
    """Find the entities whose mirrors have rows, deleted ones too, in one round trip."""
    asked = [
        compose.statement(__name__, "has_rows", entity=db.literal(name), mirror=mirror.name)
        for name, mirror in mirrors.items()
    ]
    return question.ask(session, which(asked)) if asked else []


def which(questions: Sequence[Composable]) -> Question[list[str]]:
    """Ask for the entities for which the answer is yes, in order."""
    return Question(
        compose.union_all(questions), lambda rows: [name for name, is_so in rows if is_so]
    )


def key_rows(table: Table, key: Sequence[str], values: Sequence[Key]) -> Composable:
    """Compose a relation of natural keys, with the types that a table gives them.

    The types have no length: a cast would cut a key that is too long, and make it another key.
    """
    return compose.statement(
        __name__,
        "key_rows",
        names=Columns(tuple(key)),
        typed=Columns(tuple(key), types=tuple(unsized(table.column(c).value_type) for c in key)),
        arrays=[db.literal([one[place] for one in values]) for place in range(len(key))],
    )
