"""Versioned mirrors (MRR and STG): one current row per key, replaced versions in the history.

The delta that a hop sends is every version written by a batch later than the one that the
receiver applied last, so a layer that was away catches up with every version in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from tidemark import catalog, contracts, db, indexes, locks, sqlfiles
from tidemark.config import Area, Entity
from tidemark.db import Composable, Servers, Session
from tidemark.errors import ContractError, RefusedRowError
from tidemark.model import Column, Counts, Key, Place, Reader, ServerName, Table, compared_as_text
from tidemark.sqltypes import unsized

LINEAGE = ("_batch_id", "_seq", "_first_batch_id", "_extracted_at", "_deleted_at")
"""Columns that every mirror has beside its payload."""

LINEAGE_COLUMNS = (
    Column("_batch_id", "bigint"),
    Column("_seq", "bigint"),
    Column("_first_batch_id", "bigint"),
    Column("_extracted_at", "timestamp with time zone"),
    Column("_deleted_at", "timestamp with time zone"),
)


UNIQUE_VIOLATION = "23505"
"""SQLSTATE of a key that is there twice."""

REASONS = "reject_reasons"
"""Column of a cleansing view that says why it refuses a row."""

RESERVED = frozenset(LINEAGE) | sqlfiles.own_columns("compare", "versions")
"""Names that no column of a payload may have."""

_RESERVED_IN_KEYS = RESERVED | sqlfiles.own_columns(
    "claims", "cleanse", "mirror", "rejects", "retention", "stage", "verify"
)
_RESERVED_IN_STG = {REASONS} | sqlfiles.own_columns("claims", "cleanse")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror table: its payload columns and the key among them."""

    table: Place
    work: str
    """Schema of its work tables."""
    payload: tuple[str, ...]
    key: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    """Payload columns that are compared as text."""

    @property
    def tables(self) -> tuple[Place, Place]:
        """The names of the table and of its history."""
        return self.table, contracts.history_of(self.table)

    @property
    def parts(self) -> dict[str, Composable]:
        """What fills the placeholders of the statements."""
        return {
            "mirror": db.name(*self.table),
            "history": db.name(*contracts.history_of(self.table)),
            "payload": db.names(self.payload),
            "payload_m": db.names(self.payload, of="m"),
            "payload_i": db.names(self.payload, of="i"),
            "compared_m": db.compared(self.payload, "m", self.texts),
            "compared_i": db.compared(self.payload, "i", self.texts),
            "found": db.name(self.work, f"{self.table[1]}.found"),
            "key_i": db.names(self.key, of="i"),
            "m_is_i": db.equal("m", "i", self.key),
            "f_is_i": db.equal("f", "i", self.key),
        }


def bare(entity: Entity, layer: ServerName) -> Mirror:
    """Return an entity's mirror as far as area.yml knows it: without its payload."""
    return Mirror(entity.table(layer), entity.landing[0], (), entity.key)


def read(session: Session, area: Area) -> dict[str, tuple[Mirror, Table]]:
    """Read the mirror tables of an area from the catalog of MRR or STG.

    Raises:
        ContractError: one does not exist, or lacks the key or the lineage columns.
    """
    layer = session.server
    wanted = {name: bare(entity, layer).tables for name, entity in area.entities.items()}
    found = catalog.tables(session, [table for both in wanted.values() for table in both])
    mirrors = {}
    for name, entity in area.entities.items():
        why = f"entities.{name}.{layer} of sql/{area.area}/area.yml"
        table, history = (
            catalog.require(found, each, server=layer, why=why) for each in wanted[name]
        )
        for each in (table, history):
            contracts.require_order(layer, each)
        catalog.require_columns(table, [*entity.key, *LINEAGE], server=layer, why=why)
        payload = tuple(column for column in table.names if column not in LINEAGE)
        _require_own_names(layer, table, payload, entity.key)
        contracts.require_alike(layer, area, table, history)
        table = replace(
            table,
            readers=partial(_readers, table, history),
            slots=max(table.slots, history.slots),
        )
        texts = compared_as_text(table.columns)
        mirrors[name] = (replace(bare(entity, layer), payload=payload, texts=texts), table)
    return mirrors


def _readers(*tables: Table) -> tuple[Reader, ...]:
    return tuple(reader for table in tables for reader in table.readers())


def _require_own_names(
    layer: str, table: Table, payload: Sequence[str], key: Sequence[str]
) -> None:
    taken = {*RESERVED & {*payload}, *_RESERVED_IN_KEYS & {*key}}
    if layer == "stg":
        taken |= _RESERVED_IN_STG & {*payload}
    for column in sorted(taken):
        raise ContractError(
            f"{layer}: {table.name} has a column {column!r}, a name that Tidemark keeps for a "
            "column of its own. Rename it; MRR can do without a column that is not of the key "
            "(drop it there, and set `on_new_column: ignore`)."
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """A batch that a layer has applied."""

    marks: Mapping[str, str]
    is_repair: bool
    refreshed: Sequence[str]
    """Entities that a person had extracted as a whole."""


def apply(session: Session, mirror: Mirror, incoming: Composable, *, anew: bool = False) -> Counts:
    """Merge one batch's rows into a mirror.

    Args:
        session: on the mirror's server, in the transaction that applies the batch.
        mirror: the table.
        incoming: relation with payload and lineage columns, one row per key; where there may be
            more, see `versions.apply`. Rows equal to what the mirror has are dropped: reading a row
            twice writes nothing.
        anew: write the equal ones too, so that the layers behind see them again.

    Returns:
        Rows inserted and updated.

    Raises:
        RefusedRowError: a key came twice (`UNIQUE_VIOLATION`), or PostgreSQL refuses a row.
    """
    parts = {**mirror.parts, "incoming": incoming, "anew": db.literal(anew)}
    if is_empty(session, mirror):
        with indexes.built_afterwards(session, mirror.table):
            return Counts(inserted=session.run(db.compose("mirror", "fill", **parts)))
    session.run(db.compose("mirror", "drop_found", **parts))
    session.run(db.compose("mirror", "find", **parts))
    session.run(db.compose("transfer", "analyze", landing=parts["found"]))
    if session.value(db.compose("mirror", "has_repeated", **parts)):
        raise RefusedRowError(session.server, "a key came twice", sqlstate=UNIQUE_VIOLATION)
    session.run(db.compose("mirror", "keep_history", **parts))
    counts = Counts(
        updated=session.run(db.compose("mirror", "update", **parts)),
        inserted=session.run(db.compose("mirror", "insert", **parts)),
    )
    session.run(db.compose("mirror", "drop_found", **parts))
    return counts


def is_empty(session: Session, mirror: Mirror) -> bool:
    """Whether a mirror has no row, not even a deleted one."""
    return bool(session.value(db.compose("mirror", "is_empty", mirror=mirror.parts["mirror"])))


def delta(
    mirror: Mirror, *, after: int, columns: Sequence[str], history: bool = True
) -> Composable:
    """Compose the query of the versions that batches after `after` wrote.

    `history` False leaves out those that a later batch has replaced already.
    """
    return db.compose(
        "mirror",
        "versions" if history else "current_versions",
        mirror=mirror.parts["mirror"],
        history=mirror.parts["history"],
        columns=db.names(columns),
        after=db.literal(after),
    )


def as_of(mirror: Mirror, batch_id: int, *, columns: Sequence[str]) -> Composable:
    """Compose the relation of the rows that were current after a batch, and live."""
    return db.compose(
        "mirror",
        "as_of",
        mirror=mirror.parts["mirror"],
        history=mirror.parts["history"],
        columns=db.names(columns),
        columns_h=db.names(columns, of="h"),
        key_h=db.names(mirror.key, of="h"),
        m_is_h=db.equal("m", "h", mirror.key),
        batch_id=db.literal(batch_id),
    )


def with_again(
    delta: Composable, mirror: Mirror, batch_id: int, *, columns: Sequence[str]
) -> Composable:
    """Add the live rows that a batch left as they were to a delta, as rows of that batch."""
    own = {
        "_batch_id": db.compose("mirror", "as_of_batch", batch_id=db.literal(batch_id)),
        "_seq": db.compose("mirror", "as_of_seq"),
    }
    return db.compose(
        "mirror",
        "with_again",
        delta=delta,
        columns=db.text(", ").join(own.get(column, db.name(column)) for column in columns),
        rows=as_of(mirror, batch_id, columns=columns),
        batch_id=db.literal(batch_id),
    )


def has_delta(session: Session, mirror: Mirror, *, after: int) -> bool:
    """Whether any batch after `after` wrote a version (a replaced one has a later current one)."""
    return bool(
        session.value(
            db.compose(
                "mirror", "has_versions", mirror=mirror.parts["mirror"], after=db.literal(after)
            )
        )
    )


def keys(table: Table, key: Sequence[str], values: Sequence[Key]) -> Composable:
    """Compose a relation of natural keys, with the types that a table gives them.

    A cast to a type with its length would make a key that is too long one that is there.
    """
    columns = [db.name(column) for column in key]
    return db.compose(
        "mirror",
        "keys",
        columns=db.text(", ").join(
            column + db.text(f"::{unsized(table.column(name).value_type)} as ") + column
            for column, name in zip(columns, key, strict=True)
        ),
        arrays=db.text(", ").join(
            db.literal(list(one)) + db.text("::text[]") for one in zip(*values, strict=True)
        ),
        names=db.names(key),
    )


def applied_after(session: Session, area: str, batch_id: int) -> dict[int, Applied]:
    """Read the batches that a layer has applied after `batch_id`, in order."""
    found = session.rows(db.compose("mirror", "applied_after"), {"area": area, "after": batch_id})
    return {applied: Applied(*about) for applied, *about in found}


def last_applied(session: Session, area: str) -> int:
    """Read the last batch that a layer has applied; 0 before the first."""
    return int(session.value(db.compose("mirror", "last_applied"), {"area": area}))


@contextmanager
def applying(servers: Servers, session: Session, area: str) -> Iterator[int]:
    """Apply batches to the layer of `session` alone, and know the last one that was applied.

    Raises:
        LockedError, OvertakenError: see `locks.writing`.
    """
    with locks.writing(servers, session, area):
        yield last_applied(session, area)


def record_applied(
    session: Session,
    area: str,
    batch_id: int,
    marks: Mapping[str, str],
    *,
    is_repair: bool = False,
    refreshed: Collection[str] = (),
) -> None:
    """Record a batch as applied; call it in the transaction that applies it."""
    session.run(
        db.compose("mirror", "record_applied"),
        {
            "area": area,
            "batch_id": batch_id,
            "marks": db.Json(dict(marks)),
            "is_repair": is_repair,
            "refreshed": sorted(refreshed),
        },
    )
