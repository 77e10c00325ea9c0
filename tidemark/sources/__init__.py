"""Where rows come from: what a source is asked, and which kinds there are.

A source is asked little, and knows no receiver. `open` gives one consistent look at what is new
since some positions, and the look sends items to an `Out`. Everything else that a kind of source
may be able to do is an ability: `isinstance(source, Comparable)`. `postgres` is the first kind;
files and posted events are others, and change capture would be one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from tidemark.declare.config import Area
from tidemark.layers.checking import Checked
from tidemark.model import Finding, Key, Positions, Table, Window
from tidemark.postgres.db import Relation, Session
from tidemark.postgres.inlet import Out
from tidemark.postgres.sessions import Servers

Which = Literal["new", "all"] | Sequence[Key]
"""Which rows to send of an entity: those that are new since its positions, all, or these keys."""


class Delta(Protocol):
    """One consistent look at a source: what is new since positions. It ends with `open`'s block."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """Entity -> what its rows look like."""
        ...

    @property
    def clock(self) -> datetime:
        """The source's clock. It is the rows' `_extracted_at`, unless an item brings its own."""
        ...

    @property
    def began(self) -> float:
        """`time.monotonic()` when the look began."""
        ...

    @property
    def windows(self) -> Mapping[str, Window]:
        """Entity -> its window, if what is read of it is a span of time."""
        ...

    @property
    def to_send(self) -> Sequence[str]:
        """Entities that may have new rows, the largest first."""
        ...

    @property
    def whole(self) -> Collection[str]:
        """Entities of which `send` sends all that there is. Items such as files always are whole.

        They need not be named.
        """
        ...

    @property
    def compared(self) -> Sequence[str]:
        """Entities whose keys have to be compared with those of the mirror.

        If all rows of an entity are read, its rows have the keys. Else `send_keys` sends them.
        """
        ...

    @property
    def compared_by(self) -> Mapping[str, datetime]:
        """Entity -> when its keys are compared at the latest; only with `deletes: detect`.

        For the entities of `compared` that is now.
        """
        ...

    @property
    def future(self) -> Mapping[str, int]:
        """Entity -> rows that are stamped in the future, if there are any. They come later."""
        ...

    @property
    def positions(self) -> Positions:
        """How far each item is read once everything that is new, and was sent, has landed.

        Items that have not moved may be left out.
        """
        ...

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """Send rows of an entity; may be called by several threads at once."""
        ...

    def send_keys(self, entity: str, out: Out) -> None:
        """Send all keys of an entity, in the columns that are taken. A watermark may be one."""
        ...

    def landed(self, mrr: Session, batch_id: int) -> None:
        """Do what has to be committed together with the rows that a batch lands.

        Most kinds do nothing.
        """
        ...


class Source(Protocol):
    """One source of an area."""

    def open(self, area: Area, positions: Positions) -> AbstractContextManager[Delta]:
        """Look at what is new since positions.

        Raises:
            ContractError: a table or column that an entity names is missing or can't be used.
            WindowError: it can't be known what is new.
        """
        ...


@runtime_checkable
class Countable(Protocol):
    """A delta that can say how many rows it would send."""

    def count(self, entity: str) -> int:
        """Count the new rows of an entity."""
        ...


@dataclass(frozen=True, slots=True)
class ItemSet:
    """Items that are a whole table together, such as the files of one date."""

    items: Sequence[str]
    is_whole: bool
    """Whether all of it has come, so that what it lacks is gone."""


@runtime_checkable
class Itemized(Protocol):
    """A delta whose rows come in items of their own, such as files."""

    @property
    def items(self) -> Mapping[str, Sequence[str]]:
        """Entity -> the items that are new, in their order."""
        ...

    def sets(self, entity: str) -> Sequence[ItemSet]:
        """Return the sets that were sent of an entity, in their order; only with deletes."""
        ...

    def remarks(self, entity: str) -> Sequence[str]:
        """Return what is worth telling of the items of an entity that were sent."""
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
        """Return an entity's rows: columns as text, and whether the next batch brings them anyway.

        The latter is the column `_pending`.
        """
        ...

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """Read keys of pending rows, up to a limit."""
        ...

    def will_compare_keys(self, entity: str, *, is_deleted: bool) -> bool:
        """Whether the next batch compares keys. May wait until the source has counted its deletes.

        Args:
            entity: its name.
            is_deleted: whether rows were deleted that the source may not have counted yet.
        """
        ...

    def remarks(self) -> Iterable[str]:
        """Return what is worth telling besides, once all relations were compared."""
        ...


@runtime_checkable
class Comparable(Protocol):
    """A source that can be compared with the mirror without moving all its rows."""

    def compare(self, area: Area, positions: Positions) -> AbstractContextManager[Comparison]:
        """Look at all rows of an area's entities."""
        ...

    def rows(self, area: Area) -> Mapping[str, int]:
        """Count all rows: entity -> rows."""
        ...


@runtime_checkable
class Watchable(Protocol):
    """A source that can say cheaply whether something has come, such as a file."""

    def has_new(self, area: Area, positions: Positions) -> bool:
        """Whether a look would find an item that is new since positions. Nothing of it is read.

        Raises:
            ConnectError: it can't be reached.
        """
        ...


@runtime_checkable
class Describable(Protocol):
    """A source that can say what its rows look like without being read."""

    def tables(self, area: Area) -> Checked[Table]:
        """Return what rows look like, and what entities name that is missing or can't be used.

        Left out is what it can't say yet.

        Raises:
            ConnectError: it can't be reached.
        """
        ...


@runtime_checkable
class Examinable(Protocol):
    """A source that can say what is wrong with it."""

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """Say what an area can read of it. No code runs there that other roles have made.

        Args:
            area: the area whose entities are examined.
            positions: how far they were read; None: it is not known now.
        """
        ...


def of(servers: Servers, area: Area) -> Source:
    """Return the source of an area."""
    if area.has_files:
        from tidemark.sources.files import FilesSource

        return FilesSource(servers, area)
    if area.has_inbox:
        from tidemark.sources.inbox import InboxSource

        return InboxSource(servers)
    from tidemark.sources.postgres import PostgresSource

    return PostgresSource(servers)
