"""Compare two layers: first checksums, then the rows of ranges in which they differ.

Both servers sum up their rows by ranges of hashed keys. Only the rows of ranges with different sums
are sent to the other server. So equal layers exchange a few thousand numbers, whatever their size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from tidemark.model import Column, Key, QualifiedName
from tidemark.postgres import (
    compose,
    db,
    transfer,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Relation, Session
from tidemark.postgres.transfer import Landing

Kind = Literal["missing", "surplus", "changed"]
Origin = Literal["stg", "dwh"]
"""The first layer that a rebuild derives again."""
_Sums = dict[str, tuple[int, int, int]]
"""Range -> rows, pending rows, checksum."""


@dataclass(frozen=True, slots=True)
class CommonColumns:
    """The columns that both sides have of an entity."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    carried: tuple[str, ...] = ()
    """Columns that only the sender has. They decide whether a difference is excused."""
    texts: frozenset[str] = frozenset()
    """Columns that are compared as text."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Column -> type by whose equality texts are compared: as `numeric`, 1.0 is 1.00."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Column -> its name in a difference, if that is another one."""

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return (*self.key, *self.columns)

    def landing(self, qualified_name: QualifiedName) -> Landing:
        """Return the table that takes the sender's rows."""
        texts = (Column(name, "text") for name in (*self.values, *self.carried))
        return Landing(qualified_name, (*texts, Column("_pending", "boolean")))


@dataclass(frozen=True, slots=True)
class Difference:
    """One key in which two layers differ."""

    kind: Kind
    """missing: the receiver lacks it; surplus: the sender lacks it."""
    key: Key
    columns: tuple[str, ...]
    """The columns that differ, if `kind` is changed."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many rows a rebuild changed in one table: none, if it was right before."""

    layer: Origin
    table: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of comparing two relations."""

    sent: int
    kept: int
    pending: int
    differences: list[Difference]
    excused: int = 0
    """Rows that differ for a good reason."""


def across(
    common: CommonColumns,
    sender: Relation,
    receiver: Relation,
    *,
    excused_if: Composable,
    work: QualifiedName,
) -> Compared:
    """Compare relations of two servers, each in a transaction that the caller rolls back.

    Each has the common columns, as text, and `_pending`. A pending row of the sender has still to
    move, so it is no difference, and neither is the receiver's row of its key.

    Args:
        common: the columns.
        sender: its rows count as right.
        receiver: in a transaction that may write.
        excused_if: condition over `s` (sent) and `r` (kept) that excuses a difference.
        work: the receiver's table for the rows of ranges that differ; it does not exist yet.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="tidemark-compare") as pool:
        left, right = pool.map(lambda side: _sums(common, side), (sender, receiver))
    ranges = sorted(
        name
        for name in left.keys() | right.keys()
        if _told(left.get(name)) != _told(right.get(name))
    )
    differences: list[Difference] = []
    excused = 0
    if ranges:
        landing = common.landing(work)
        differences, excused = _descend(
            common, sender, receiver, ranges, excused_if=excused_if, landing=landing
        )
    return Compared(_total(left, 0), _total(right, 0), _total(left, 1), differences, excused)


def within(
    common: CommonColumns,
    session: Session,
    sent: Composable,
    kept: Composable,
    *,
    excused_if: Composable,
) -> tuple[list[Difference], int]:
    """Compare two relations of one server, with columns of whatever types.

    Returns:
        The differences, and how many more rows are excused.
    """
    first, *rest = session.rows(
        compose.statement(
            __name__,
            "differences",
            _both(common, sent, kept),
            columns=Columns((*common.values, *common.carried, "_pending")),
            attributes=_compared(common, common.columns),
            labels=[db.literal(common.labels.get(column, column)) for column in common.columns],
            excused_if=excused_if,
        )
    )
    found = [Difference(kind, tuple(key), tuple(columns)) for key, kind, columns, _ in rest]
    return found, int(first[0][0])


def count(
    common: CommonColumns, session: Session, sent: Composable, kept: Composable
) -> dict[Kind, int]:
    """Count the differences of two relations of one server, neither of which is pending."""
    missing, surplus, changed = session.one(
        compose.statement(__name__, "count", _both(common, sent, kept))
    )
    return {"missing": missing, "surplus": surplus, "changed": changed}


def _both(common: CommonColumns, sent: Composable, kept: Composable) -> Parts:
    return {
        "sent": sent,
        "kept": kept,
        "key": Columns(common.key),
        "values": Columns(common.values),
        "compared": _compared(common, common.values),
    }


def _compared(common: CommonColumns, columns: tuple[str, ...]) -> Columns:
    types = ("" if column in common.texts else common.types.get(column, "") for column in columns)
    return Columns(columns, texts=common.texts, types=tuple(types))


def _sums(common: CommonColumns, side: Relation) -> _Sums:
    statement = compose.statement(
        __name__,
        "checksums",
        key=Columns(common.key),
        values=Columns(common.values),
        rows=side.rows,
    )
    return {
        name: (rows, pending, sum_) for name, rows, pending, sum_ in side.session.rows(statement)
    }


def _told(sums: tuple[int, int, int] | None) -> tuple[int, int] | None:
    """Return rows and checksum of a range; None if it has only pending rows."""
    return (sums[0], sums[2]) if sums and sums[0] else None


def _descend(
    common: CommonColumns,
    sender: Relation,
    receiver: Relation,
    ranges: Iterable[str],
    *,
    excused_if: Composable,
    landing: Landing,
) -> tuple[list[Difference], int]:
    def only(side: Relation, columns: tuple[str, ...]) -> Composable:
        return compose.statement(
            __name__,
            "in_ranges",
            columns=Columns((*columns, "_pending")),
            rows=side.rows,
            key=Columns(common.key),
            ranges=db.literal(list(ranges)),
        )

    columns = (*common.values, *common.carried)
    transfer.create(receiver.session, landing)
    transfer.append(sender.session, only(sender, columns), receiver.session, landing, binary=False)
    worktable.analyze(receiver.session, landing.name)
    kept = only(receiver, common.values)
    return within(common, receiver.session, landing.name, kept, excused_if=excused_if)


def _total(sums: _Sums, which: Literal[0, 1]) -> int:
    return sum(found[which] for found in sums.values())
