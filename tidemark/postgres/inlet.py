"""Receive the items of an entity: each is a COPY into its landing table.

The sender knows neither server nor table. It begins an item, writes bytes to a pipe, and ends the
item; meanwhile a thread copies the bytes into the table. The transaction belongs to the caller. It
is committed only after the sender has ended without an error: at the other end of a pipe, a stream
that broke off looks like one that has ended.

There are two ways. The fast one copies into the landing table, and one bad row refuses the item.
On the careful one (`careful`), the good rows land, and the others are kept with their reasons.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from tidemark.errors import RefusedRowError
from tidemark.model import Column
from tidemark.postgres import careful, compose, db, refusals
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.worktable import WorkTable

Format = Literal["binary", "text", "csv"]
"""A format of COPY."""

OWN_COLUMNS = (
    Column("_seq", "bigint"),
    Column("_extracted_at", "timestamp with time zone"),
    Column("_deleted_at", "timestamp with time zone"),
)
"""Columns that an item may bring for each row, in addition to the entity's columns.

`_seq`: the order in which the source showed the versions of a batch; 0 if it is left out.
`_extracted_at`: the clock of the item that showed the version; the look's clock if it is left out.
`_deleted_at`: since when the key is deleted; such a row needs only the key.
"""

_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)


class Out(Protocol):
    """Takes the items of one entity, one after the other: all that a sender knows of a receiver."""

    @property
    def entity(self) -> str:
        """Its name."""
        ...

    @property
    def columns(self) -> Sequence[Column]:
        """The columns that are taken, with the types that the receiver gives them.

        An item may bring `OWN_COLUMNS` as well.
        """
        ...

    def begin(
        self,
        item: str,
        columns: Sequence[str],
        form: Format,
        *,
        options: Mapping[str, str] = ...,
        stop: Callable[[], None] | None = ...,
        is_careful: bool = ...,
    ) -> io.FileIO:
        """Begin an item, and return the end of a pipe to write its bytes to."""
        ...

    def end(self) -> RefusedRowError | None:
        """End the item. Returns what the receiver refused; then nothing of the item has landed.

        The item may then be sent again, the careful way.
        """
        ...

    def give_up(self) -> None:
        """End an item that broke off: nothing of it has landed."""
        ...


class Inlet:
    """Takes the items of one entity, one after the other, in a transaction of the caller's.

    Args:
        receiver: in that transaction.
        landing: the table that takes the rows.
        entity: its name.
        refused: takes the rows that the careful way refuses; None: they are only counted.
    """

    def __init__(
        self, receiver: Session, landing: WorkTable, entity: str, refused: WorkTable | None = None
    ):
        self._receiver = receiver
        self._landing = landing
        self._refused = refused
        self.entity = entity
        self.columns = tuple(column for column in landing.columns if column not in OWN_COLUMNS)
        """The columns that the table takes. An item may lack some of them."""
        self.brought: set[str] = set()
        """Columns that the items have brought that landed."""
        self.rows = 0
        """Rows that have landed."""
        self.refused = 0
        """Rows that the careful way has refused."""
        self._item: _Item | None = None
        self._is_stopped = False

    def begin(
        self,
        item: str,
        columns: Sequence[str],
        form: Format,
        *,
        options: Mapping[str, str] = MappingProxyType({}),
        stop: Callable[[], None] | None = None,
        is_careful: bool = False,
    ) -> io.FileIO:
        """Begin an item, and return the end of a pipe to write its bytes to.

        A write raises BrokenPipeError when the receiver has failed, or refused what came before;
        `end` says what it was. It may notice that only at the end.

        Args:
            item: '' for a table, else its name in the source, such as a file's path.
            columns: names out of `columns` and `OWN_COLUMNS`, in the order of the bytes; on the
                careful way out of `careful.OWN_COLUMNS`, too.
            form: format of COPY.
            options: further options of COPY, such as `delimiter`.
            stop: called from another thread when the receiver fails, to end the sender's work.
            is_careful: whether bad rows are set aside. Then all values come as text, in the format
                text or csv.
        """
        assert self._item is None, f"{self.entity}: item {item!r} begins before another one ends"
        self._refuse_stopped()
        table = careful.taking(self._landing) if is_careful else self._landing
        if is_careful:
            self._receiver.queue(table.emptied)
        self._receiver.queue(compose.statement(__name__, "save"))
        statement = compose.statement(
            __name__,
            "receive",
            landing=table.name,
            columns=Columns(tuple(columns)),
            options=[db.name(name) for name in options],
            values=[db.literal(value) for value in options.values()],
            form=db.name(form),
        )
        began = _Began(item, tuple(columns), is_careful)
        self._item = _Item(self._receiver, statement, stop, began)
        return self._item.pipe

    def end(self) -> RefusedRowError | None:
        """End the item: wait until all of it has landed.

        Returns:
            What the receiver refused; nothing of the item has landed then.

        Raises:
            TidemarkError: what failed otherwise. Nothing of the entity may be kept.
        """
        item = self._ended()
        try:
            with self._named():
                came = item.finish()
                rows = self._sorted(item.began) if item.began.is_careful else came
        except RefusedRowError as error:
            self._receiver.run(compose.statement(__name__, "back"))
            return error
        self._receiver.queue(compose.statement(__name__, "release"))
        self.rows += rows
        self.refused += came - rows
        self.brought.update(item.began.columns)
        return None

    def give_up(self) -> None:
        """End an item that broke off, such as a file that was replaced while it was read.

        Nothing of it has landed, and everything is as before it.

        Raises:
            TidemarkError: the receiver had failed before. Nothing of the entity may be kept.
        """
        first = self._ended().abort()
        if first is not None and not isinstance(first, RefusedRowError):
            raise first
        self._receiver.run(compose.statement(__name__, "back"))

    def _sorted(self, began: _Began) -> int:
        landing, refused = self._landing, self._refused
        return careful.sort(
            self._receiver, began.item, began.columns, landing=landing, refused=refused
        )

    def _ended(self) -> _Item:
        item, self._item = self._item, None
        assert item is not None, f"{self.entity}: no item was begun"
        return item

    def _named(self) -> AbstractContextManager[None]:
        return refusals.named(self.entity, **{self._receiver.server: refusals.LANDING})

    def stop(self) -> None:
        """End the item of now from another thread, and refuse all further ones."""
        self._is_stopped = True
        if (item := self._item) is not None:
            item.stop()

    def _refuse_stopped(self) -> None:
        if self._is_stopped:
            raise BrokenPipeError(f"{self.entity}: a stream beside it has failed")

    def abort(self, error: BaseException) -> BaseException:
        """Break off after an error of the sender. Returns the error that came first."""
        item, self._item = self._item, None
        first = item.abort() if item is not None else None
        if first is None:
            return error
        try:
            with self._named():
                raise first
        except BaseException as told:
            return told


@contextmanager
def taking(
    receiver: Session, landing: WorkTable, entity: str, refused: WorkTable | None = None
) -> Iterator[Inlet]:
    """Take what the block sends of an entity into a table, in a transaction of the caller's.

    Args: those of `Inlet`.

    Raises:
        StatementError, ConnectError: of whichever end failed first. The caller rolls back.
    """
    out = Inlet(receiver, landing, entity, refused)
    try:
        yield out
    except BaseException as error:
        first = out.abort(error)
        if first is error:
            raise
        raise first from error


@dataclass(frozen=True, slots=True)
class _Began:
    """What was said when an item began."""

    item: str
    columns: tuple[str, ...]
    is_careful: bool


class _Item:
    """One COPY: a pipe, and the thread that reads it into the table."""

    def __init__(
        self,
        receiver: Session,
        statement: Composable,
        stop: Callable[[], None] | None,
        began: _Began,
    ) -> None:
        self.began = began
        self._receiver = receiver
        self._stop_sender = stop
        self._rows = 0
        self._failure: BaseException | None = None
        self._is_aborted = False
        read_end, write_end = os.pipe()
        if _SET_PIPE_SIZE is not None:
            _grow(write_end)
        self.pipe = io.FileIO(write_end, "wb")
        self._thread = threading.Thread(
            target=self._receive, args=(statement, read_end), name="tidemark-land", daemon=True
        )
        self._thread.start()

    def _receive(self, statement: Composable, read_end: int) -> None:
        # The failure is stored before the pipe is closed: the sender may find the pipe broken at
        # once, and then asks for the reason.
        with io.FileIO(read_end, "rb") as pipe:
            try:
                self._rows = self._receiver.copy_in(statement, pipe)
            except BaseException as error:
                # After `abort` the receiver gets half an item. Its error about that is no news, and
                # must not hide the sender's.
                if not self._is_aborted:
                    self._failure = error
                    if self._stop_sender:
                        self._stop_sender()

    def finish(self) -> int:
        """Close the pipe, and wait for the rows to land; returns how many."""
        self.pipe.close()
        self._thread.join()
        if self._failure:
            raise self._failure
        return self._rows

    def abort(self) -> BaseException | None:
        """Break off; return the error with which the receiver had failed before, if it had."""
        self._is_aborted = True
        failure = self._failure
        self.pipe.close()
        self._thread.join()
        return failure

    def stop(self) -> None:
        """End the waits of both ends."""
        if self._stop_sender:
            self._stop_sender()
        db.cancel([self._receiver])


def _grow(pipe: int) -> None:
    # An unprivileged user may have used up its pipe pages; the default size works too.
    with suppress(OSError):
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)  # type: ignore[arg-type]
