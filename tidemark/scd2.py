"""SCD Type 2 dimensions: rebuild the timeline of the keys that changed, and write the difference.

A dimension's rows are a function of everything observed of a key: what a batch brings and what is
there already are ordered by effective time, an observation whose type-2 attributes equal its
predecessor's is dropped, and each version ends where the next begins. That one rule covers new,
changed, unchanged, reverted, several in a batch, out of order, replayed, deleted, returned and
inferred (Kimball & Ross, The Data Warehouse Toolkit, ch. 5; docs/scd2.md shows each as tables).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tidemark import db, indexes
from tidemark.db import Composable, Session
from tidemark.errors import GateError
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, Counts, Place, label

VERSIONING = (
    "valid_from",
    "valid_to",
    "is_current",
    "is_deleted",
    "is_inferred",
    "changed_at",
    "_batch_id",
)
"""Columns that every dimension has beside its key and attributes."""

_WRITTEN = tuple(column for column in VERSIONING if column != "is_inferred")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension table and the roles of its columns."""

    entity: str
    table: Place
    landed: Place
    """Its landing table."""
    surrogate: str
    natural_key: tuple[str, ...]
    type2: tuple[str, ...]
    type1: tuple[str, ...]
    rest: tuple[str, ...]
    """Carried along: a version keeps what its first observation said."""
    effective: str
    """Column of the landing table with the time of the change."""
    has_plans: bool = False
    """Whether it may lie in the future: a plan, withdrawn once the source no longer shows it."""
    first_version: Literal["beginning", "change"] = "beginning"
    is_scratch: bool = False
    """Whether it is the work table in which the dimension is derived anew."""
    added: Mapping[str, int] = field(default_factory=dict)
    """Column that the table was given later -> the last batch that knows nothing of it."""
    texts: frozenset[str] = frozenset()
    """Attributes that are compared as text."""
    key_types: Mapping[str, str] = field(default_factory=dict)
    """Column of the natural key -> type, without its length, as which other tables' are compared
    with it. One that has no type here is compared as it is."""

    def as_key(self, column: str, value: Composable) -> Composable:
        """Compose a value of another table as one of the natural key's: `char` ignores blanks.

        The dimension's own column stays as it is, so that its index is of use.
        """
        kind = self.key_types.get(column)
        return value + db.text(f"::{kind}") if kind else value

    @property
    def attributes(self) -> tuple[str, ...]:
        """Natural key and attributes."""
        return (*self.natural_key, *self.type2, *self.type1, *self.rest)

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        if self.is_scratch:
            return self._work("rebuilt")
        return db.name(*self.table)

    @property
    def confirmed(self) -> Composable:
        """The table with the instants at which a version was seen again."""
        if self.is_scratch:
            return self._work("confirmed")
        return db.name(*confirmed_of(self.table))

    @property
    def written(self) -> tuple[str, ...]:
        """What is written of a version; a new one is inferred or not by default."""
        return (*self.attributes, *_WRITTEN)

    @property
    def timeline(self) -> Composable:
        """The work table that holds the rebuilt timelines of one batch."""
        return self._work("timeline")

    def _work(self, what: str) -> Composable:
        schema, entity = self.landed
        return db.name(schema, f"{entity}.{what}")


def confirmed_of(table: Place) -> Place:
    """Return the table with the instants at which versions of a dimension were seen again."""
    return "tidemark", f"{label(table)}_confirmed"


def apply(session: Session, dimension: Dimension) -> Counts:
    """Merge what landed into the dimension; the timeline stays for `facts.repoint`.

    Args:
        session: on the DWH, in the publishing transaction; its landing table is filled.
        dimension: the table and its roles.

    Returns:
        Versions inserted, changed, and superseded (their neighbour became equal).

    Raises:
        GateError: a timeline overlaps or has a gap without a delete. The caller rolls back.
    """
    parts = _parts(dimension)
    for column, since in dimension.added.items():
        session.run(
            db.compose("scd2", "remember_added"),
            {"dimension": label(dimension.table), "column": column, "since": since},
        )
    rebuild = db.compose("scd2", "rebuild", **parts)
    session.run(db.compose("scd2", "drop", **parts))
    if session.value(db.compose("scd2", "is_first_load", **parts)):
        session.run(rebuild + db.text(" with no data"))
        fill = db.compose("scd2", "fill", **parts)
        if dimension.is_scratch:
            return Counts(inserted=session.run(fill))
        with indexes.built_afterwards(session, dimension.table):
            return Counts(inserted=session.run(fill))
    session.run(rebuild)
    session.run(db.compose("transfer", "analyze", landing=dimension.timeline))
    counts = Counts(
        deleted=session.run(db.compose("scd2", "delete", **parts)),
        updated=session.run(db.compose("scd2", "update", **parts)),
        inserted=session.run(db.compose("scd2", "insert", **parts)),
    )
    counts.note("closed", session.value(db.compose("scd2", "closed", **parts)))
    session.run(db.compose("scd2", "withdraw_confirmations", **parts))
    session.run(db.compose("scd2", "confirm", **parts))
    broken = session.value(db.compose("scd2", "broken_timelines", **parts))
    if broken:
        raise GateError(
            f"{label(dimension.table)}: {broken} versions overlap their successor or leave a gap "
            "before it. Nothing was published. Someone wrote to the table by hand: "
            f"`tidemark history {dimension.entity} KEY` shows one key's versions."
        )
    return counts


def added(session: Session, table: Place) -> dict[str, int]:
    """Read the columns that a dimension was given later: name -> last batch without it."""
    return dict(session.rows(db.compose("scd2", "added"), {"dimension": label(table)}))


def infer(session: Session, dimension: Dimension, unknown: Composable, *, batch_id: int) -> int:
    """Make an inferred member for each natural key that facts name and no version has.

    Args:
        session: on the DWH, in the publishing transaction.
        dimension: where the members go.
        unknown: relation of natural keys; one that is there, or is null in part, is passed over.
        batch_id: the batch that makes them.

    Returns:
        The number of members made.
    """
    return session.run(
        db.compose("scd2", "infer", **_parts(dimension), unknown=unknown), {"batch_id": batch_id}
    )


def cleanup(session: Session, dimension: Dimension) -> None:
    """Drop the work table."""
    session.run(db.compose("scd2", "drop", timeline=dimension.timeline))


def _parts(dimension: Dimension) -> dict[str, Composable]:
    key = dimension.natural_key
    written = dimension.written
    return {
        "landing": db.name(*dimension.landed),
        "dimension": dimension.name,
        "confirmed": dimension.confirmed,
        "timeline": dimension.timeline,
        "surrogate": db.name(dimension.surrogate),
        "effective": db.name(dimension.effective),
        "clock": db.name("_extracted_at") if dimension.has_plans else db.text("null::timestamptz"),
        "nk": db.names(key),
        "nk_d": db.names(key, of="d"),
        "nk_t": db.names(key, of="t"),
        "nk_u": db.names(key, of="u"),
        "attributes": db.names(dimension.attributes),
        "attributes_d": db.names(dimension.attributes, of="d"),
        "attributes_k": db.names(dimension.attributes, of="k"),
        "attributes_shown": db.text(", ").join(
            db.compose(
                "scd2",
                "shown",
                column=db.name(column),
                since=db.literal(dimension.added[column]),
                nk=db.names(key),
            )
            if column in dimension.added
            else db.name(column)
            for column in dimension.attributes
        ),
        "attributes_b": db.names(dimension.attributes, of="b"),
        "type2_differ": _type2_differ(dimension),
        "t_is_d": db.equal("t", "d", key),
        "t_is_c": db.equal("t", "c", key),
        "k_is_c": db.equal("k", "c", key),
        "d_is_u": db.equal("d", "u", key),
        "from_beginning": db.literal(dimension.first_version == "beginning"),
        "beginning": db.literal(BEGINNING_OF_TIME),
        "end": db.literal(END_OF_TIME),
        "written": db.names(written),
        "written_t": db.names(written, of="t"),
        "compared_t": db.compared(written, "t", dimension.texts),
        "compared_d": db.compared(written, "d", dimension.texts),
        **_judging(dimension),
    }


def _judging(dimension: Dimension) -> dict[str, Composable]:
    """Compose how plans are withdrawn. A dimension without any is spared the work.

    What holds of type 1 was seen of the latest time, and is told by who withdrew that.
    """
    nk, attributes = db.names(dimension.natural_key), db.names(dimension.attributes)
    latest = db.text(", ").join(
        db.compose("scd2", "latest", column=db.name(column))
        if column in dimension.type1
        else db.name(column)
        for column in dimension.attributes
    )
    if not dimension.has_plans:
        return {
            "judged": db.compose("scd2", "not_judged"),
            "told_at": db.name("_at"),
            "attributes_told": attributes,
            "attributes_latest": latest,
            "withdrawn": db.text(""),
        }
    return {
        "judged": db.compose("scd2", "judged", nk=nk),
        "told_at": db.compose("scd2", "told_at"),
        "attributes_told": latest,
        "attributes_latest": attributes,
        "withdrawn": db.compose("scd2", "withdrawn", attributes=attributes),
    }


def _type2_differ(dimension: Dimension) -> Composable:
    """Compare a row's type-2 attributes with its predecessor's: NULL is not '', 'x|y' not 'x'."""
    if not dimension.type2:
        return db.text("false")
    return db.text(" or ").join(
        db.compose(
            "scd2",
            "differs",
            column=db.name(column),
            kind=db.text("::text" if column in dimension.texts else ""),
        )
        for column in dimension.type2
    )
