"""Where rows come from: what a source is asked, and which kinds there are.

A source is asked little, and knows no receiver. `open` gives one consistent look at what is new
since positions, and the look sends items to whoever takes them. What else a kind of source can do
is an ability, which it has or lacks: `isinstance(source, Comparable)`. Files, posted events and
change capture become kinds beside `postgres`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from tidemark.declare.config import Area
from tidemark.model import Finding, Key, Positions, Table, Window
from tidemark.postgres.db import Relation, Servers, Session
from tidemark.postgres.inlet import Out

Which = Literal["new", "all"] | Sequence[Key]
"""What to send of an entity: what is new since its positions, all there is now, or these keys."""


class Delta(Protocol):
    """One consistent look at a source: what is new since positions. It lives in `open`'s block."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """Entity -> what its rows look like."""
        ...

    @property
    def clock(self) -> datetime:
        """The source's clock: the rows' `_extracted_at`, where an item does not bring its own."""
        ...

    @property
    def began(self) -> float:
        """`time.monotonic()` when the look began."""
        ...

    @property
    def windows(self) -> Mapping[str, Window]:
        """Entity -> what is read of it, where that is a span of time."""
        ...

    @property
    def to_send(self) -> Sequence[str]:
        """Entities of which something is new, the largest first."""
        ...

    @property
    def compared(self) -> Sequence[str]:
        """Entities whose keys have to be compared with those of the mirror.

        Where all rows are read, they are the keys; of the others `send_keys` sends them.
        """
        ...

    @property
    def compared_by(self) -> Mapping[str, datetime]:
        """Entity -> when its keys are compared at the latest, of those whose deletes are detected.

        Those of `compared` are now.
        """
        ...

    @property
    def future(self) -> Mapping[str, int]:
        """Entity -> rows that are stamped in the future, where there are any: they come later."""
        ...

    @property
    def positions(self) -> Positions:
        """Where each item has been read to when all that is new, and what was sent, has landed."""
        ...

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """Send rows of an entity; may be called by several threads at once."""
        ...

    def send_keys(self, entity: str, out: Out) -> None:
        """Send all keys of an entity, in the columns that are taken: a watermark may be of them."""
        ...

    def landed(self, mrr: Session) -> None:
        """Do in the landing transaction what has to hold when it does; mostly nothing."""
        ...


class Source(Protocol):
    """One source of an area."""

    def open(self, area: Area, positions: Positions) -> AbstractContextManager[Delta]:
        """Look at what is new since positions.

        Raises:
            ContractError: what an entity names is not there, or of no use.
            WindowError: it is not known what is new.
        """
        ...


@runtime_checkable
class Countable(Protocol):
    """A delta that can say how many rows it would send."""

    def count(self, entity: str) -> int:
        """Count what is new of an entity."""
        ...


class Comparison(Protocol):
    """One consistent look at all rows of a source, for comparing them with the mirror."""

    @property
    def clock(self) -> datetime:
        """The source's clock."""
        ...

    @property
    def tables(self) -> Mapping[str, Table]:
        """Entity -> what its rows look like."""
        ...

    def relation(self, entity: str, columns: Sequence[str]) -> Relation:
        """Return an entity's rows: columns as text, and `_pending`, of those that come anyway."""
        ...

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """Read keys of pending rows, up to a limit."""
        ...

    def will_compare_keys(self, entity: str, *, is_deleted: bool) -> bool:
        """Whether the next batch compares keys, at the latest when the source has counted deletes.

        Args:
            entity: its name.
            is_deleted: whether rows were deleted that the source may not have counted yet.
        """
        ...

    def future(self) -> Mapping[str, int]:
        """Entity -> rows that are stamped in the future, where there are any."""
        ...


@runtime_checkable
class Comparable(Protocol):
    """A source whose rows can be compared with the mirror where they are."""

    def compare(self, area: Area, positions: Positions) -> AbstractContextManager[Comparison]:
        """Look at all rows of an area's entities."""
        ...

    def rows(self, area: Area) -> Mapping[str, int]:
        """Count all rows: entity -> rows."""
        ...


@runtime_checkable
class Examinable(Protocol):
    """A source that can say what is amiss with it."""

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """Say what an area can read of it; nothing there is run that others have made.

        Args:
            area: whose entities.
            positions: how far they were read; None: nobody can say now.
        """
        ...


def of(servers: Servers, area: Area) -> Source:
    """Return the source of an area."""
    from tidemark.sources.postgres import PostgresSource

    return PostgresSource(servers)
