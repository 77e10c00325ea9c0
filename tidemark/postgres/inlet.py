"""Receive the items of an entity: each is a COPY into its landing table.

The sender knows neither server nor table. It begins an item, writes bytes to a pipe, and ends the
item; meanwhile a thread copies the bytes into the table. The transaction belongs to the caller. It
is committed only after the sender has ended without an error: at the other end of a pipe, a stream
that broke off looks like one that has ended.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from tidemark.errors import RefusedRowError
from tidemark.model import Column
from tidemark.postgres import compose, db, refusals
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session

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
        is_repeatable: bool = ...,
    ) -> io.FileIO:
        """Begin an item, and return the end of a pipe to write its bytes to."""
        ...

    def end(self) -> RefusedRowError | None:
        """End the item. Returns what the receiver refused; then nothing of the item has landed.

        An item that is repeatable may then be sent again, row by row.
        """
        ...

    def refuse(self, item: str, line: int, text: str, reasons: Sequence[str]) -> None:
        """Give up a row of an item: it is kept with its reasons instead of landing."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that could not be brought into a form that its table takes."""

    item: str
    line: int
    """Its place in the item, from 1."""
    text: str
    """The row as it came."""
    reasons: tuple[str, ...]


class Inlet:
    """Takes the items of one entity, one after the other, in a transaction of the caller's."""

    def __init__(
        self, receiver: Session, table: Composable, entity: str, columns: Sequence[Column]
    ):
        self._receiver = receiver
        self._table = table
        self.entity = entity
        self.columns = tuple(column for column in columns if column not in OWN_COLUMNS)
        """The columns that the table takes. An item may lack some of them."""
        self.brought: set[str] = set()
        """Columns that items have brought."""
        self.rows = 0
        """Rows that have landed."""
        self.refused: list[Refused] = []
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
        is_repeatable: bool = False,
    ) -> io.FileIO:
        """Begin an item, and return the end of a pipe to write its bytes to.

        A write raises BrokenPipeError when the receiver has refused what came before; `end` says
        what it was.

        Args:
            item: '' for a table, else its name in the source, such as a file's path.
            columns: names out of `columns` and `OWN_COLUMNS`, in the order of the bytes.
            form: format of COPY.
            options: further options of COPY, such as `delimiter`.
            stop: called from another thread when the receiver fails, to end the sender's work.
            is_repeatable: whether the sender can send a refused item, or parts of it, again. If
                not, a refused item makes the whole entity fail.
        """
        assert self._item is None, f"{self.entity}: item {item!r} begins before another one ends"
        self._refuse_stopped()
        if is_repeatable:
            self._receiver.run(compose.statement(__name__, "save"))
        statement = compose.statement(
            __name__,
            "receive",
            landing=self._table,
            columns=Columns(tuple(columns)),
            options=[db.name(name) for name in options],
            values=[db.literal(value) for value in options.values()],
            form=db.name(form),
        )
        self._item = _Item(self._receiver, statement, stop, is_repeatable)
        self.brought.update(columns)
        return self._item.pipe

    def end(self) -> RefusedRowError | None:
        """End the item: wait until all of it has landed.

        Returns:
            What the receiver refused; nothing of the item has landed then.

        Raises:
            TidemarkError: what failed otherwise. Nothing of the entity may be kept.
        """
        item, self._item = self._item, None
        assert item is not None, f"{self.entity}: no item was begun"
        try:
            with refusals.named(self.entity, **{self._receiver.server: refusals.LANDING}):
                self.rows += item.finish()
        except RefusedRowError as error:
            if item.is_repeatable:
                self._receiver.run(compose.statement(__name__, "back"))
            return error
        if item.is_repeatable:
            self._receiver.run(compose.statement(__name__, "release"))
        return None

    def refuse(self, item: str, line: int, text: str, reasons: Sequence[str]) -> None:
        """Give up a row: it is kept with its reasons instead of landing."""
        self.refused.append(Refused(item, line, text, tuple(reasons)))

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
            with refusals.named(self.entity, **{self._receiver.server: refusals.LANDING}):
                raise first
        except BaseException as told:
            return told


@contextmanager
def taking(
    receiver: Session, table: Composable, entity: str, columns: Sequence[Column]
) -> Iterator[Inlet]:
    """Take what the block sends of an entity into a table, in a transaction of the caller's.

    Raises:
        StatementError, ConnectError: of whichever end failed first. The caller rolls back.
    """
    out = Inlet(receiver, table, entity, columns)
    try:
        yield out
    except BaseException as error:
        first = out.abort(error)
        if first is error:
            raise
        raise first from error


class _Item:
    """One COPY: a pipe, and the thread that reads it into the table."""

    def __init__(
        self,
        receiver: Session,
        statement: Composable,
        stop: Callable[[], None] | None,
        is_repeatable: bool,
    ) -> None:
        self.is_repeatable = is_repeatable
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
