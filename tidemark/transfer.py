"""COPY from one server into another; Python moves bytes and sees no row.

The sender's `COPY … TO STDOUT` and the receiver's `COPY … FROM STDIN` run in two threads with a
pipe between them. The receiver commits only after the sender has ended well: a broken stream
looks like a short one from the other end of a pipe.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tidemark import catalog, db, refusals, rowsize
from tidemark.db import Composable, Servers, Session
from tidemark.errors import RefusedRowError, TidemarkError
from tidemark.model import Column, Layer, Place, ServerName

_PIPE_BYTES = 1 << 20
_BAD_COPY_FORMAT = "22P04"

READ_ONLY = "isolation level repeatable read read only"

STREAMS = 4
"""How many entities stream at once."""
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)

KEYS = "keys"
"""The work table that takes the keys of an entity."""

_Reading = Callable[[Session], AbstractContextManager[None]]
"""What opens a transaction that reads the snapshot."""


@dataclass(frozen=True, slots=True)
class Landing:
    """A landing table of the receiving server, one per entity."""

    place: Place
    columns: tuple[Column, ...]

    @property
    def entity(self) -> str:
        """Whose it is, with what a table beside the entity's own adds to that."""
        return self.place[1]

    @property
    def name(self) -> Composable:
        """The quoted table name."""
        return db.name(*self.place)


@dataclass(frozen=True, slots=True)
class Job:
    """One query of the sending server and the landing table that takes its rows."""

    landing: Landing
    query: Composable
    binary: bool
    adds: bool = False
    """Whether the landing table keeps what it holds."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of one job."""

    rows: int
    seconds: float


def is_binary_safe(sent: Sequence[Column], received: Sequence[Column]) -> bool:
    """Whether both ends have the same built-in types, so that COPY's binary format fits."""
    return all(
        left.type == right.type and "." not in left.type
        for left, right in zip(sent, received, strict=True)
    )


def prepare(receiver: Session, landings: Sequence[Landing]) -> None:
    """Make the landing tables that are missing, and make anew those of other columns."""
    names = [landing.place for landing in landings]
    found = catalog.tables(receiver, names)
    for landing, name in zip(landings, names, strict=True):
        table = found.get(name)
        have = {column.name: column.type for column in table.columns} if table else {}
        if have == {column.name: column.type for column in landing.columns}:
            continue
        with receiver.transaction():
            receiver.run(db.compose("transfer", "drop", landing=landing.name))
            create(receiver, landing)


@contextmanager
def temporary(receiver: Session, landing: Landing) -> Iterator[Landing]:
    """Make a landing table that only this session sees, and drop it at the end of the block."""
    own = replace(landing, place=("pg_temp", landing.entity))
    parts = {"landing": own.name, "columns": _definitions(own)}
    receiver.run(db.compose("transfer", "create_temporary", **parts))
    yield own
    receiver.run(db.compose("transfer", "drop", **parts))


def stream_all(
    servers: Servers,
    *,
    sender: tuple[ServerName, str],
    receiver: Layer,
    jobs: Sequence[Job],
    limits: Composable | None = None,
) -> Mapping[str, Streamed]:
    """Fill several landing tables at once, all from one snapshot of the sending server.

    Args:
        servers: where the sessions come from.
        sender: the sending server, and the exported snapshot that every stream reads.
        receiver: the receiving layer.
        jobs: what to stream; the largest should come first.
        limits: statement that each transaction on the sending server begins with.

    Returns:
        Entity -> rows and seconds.
    """
    server, snapshot = sender
    used: list[Session] = []

    @contextmanager
    def reading(source: Session) -> Iterator[None]:
        with source.transaction(READ_ONLY):
            source.run("set transaction snapshot %(id)s", {"id": snapshot})
            if limits:
                source.run(limits)
            yield

    def one(job: Job) -> Streamed:
        start = time.monotonic()
        with ExitStack() as stack:
            source = stack.enter_context(servers.session(server, f"send {job.landing.entity}"))
            target = stack.enter_context(servers.session(receiver, f"land {job.landing.entity}"))
            used.extend((source, target))
            with _column_told(source, reading, job), reading(source):
                rows = stream(source, target, job)
        return Streamed(rows, time.monotonic() - start)

    with ThreadPoolExecutor(STREAMS, thread_name_prefix="tidemark-stream") as pool:
        streams = [pool.submit(one, job) for job in jobs]
        try:
            for each in as_completed(streams):
                each.result()
        except BaseException:
            _stop(streams, used)
            raise
    done = [each.result() for each in streams]
    return {job.landing.entity: result for job, result in zip(jobs, done, strict=True)}


@contextmanager
def _column_told(source: Session, reading: _Reading, job: Job) -> Iterator[None]:
    """Find the column of a row that the sender refuses to send: PostgreSQL does not tell it."""

    def is_refused(columns: Sequence[str]) -> bool:
        query = db.compose("transfer", "part", columns=db.names(columns), query=job.query)
        send = db.compose("transfer", "send", query=query, form=db.text("text"))
        with Path(os.devnull).open("wb") as nowhere:
            try:
                with reading(source):
                    source.copy(send, nowhere)
            except RefusedRowError:
                return True
        return False

    try:
        yield
    except RefusedRowError as error:
        column = None
        if error.server == source.server and error.is_data and error.column is None:
            with suppress(TidemarkError):  # It takes too long, or was cancelled with the others.
                column = refusals.culprit([c.name for c in job.landing.columns], is_refused)
        raise error.of(error.entity, error.todo, column=column) from error


def _stop(streams: Sequence[Future[Streamed]], used: Sequence[Session]) -> None:
    """End what still streams when one has failed: it holds the source's snapshot, in vain."""
    for each in streams:
        each.cancel()
    # One that is between two statements has nothing to cancel yet.
    pause = 0.1
    while wait(streams, timeout=pause).not_done:
        db.cancel(list(used))
        pause = min(2 * pause, 2.0)


def stream(sender: Session, receiver: Session, job: Job) -> int:
    """Fill the landing table of a job, in one transaction on the receiving server.

    Args:
        sender: session that runs the query; its transaction and snapshot are the caller's.
        receiver: session on the receiving server, outside of a transaction.
        job: its query is a SELECT with the landing table's columns in their order.

    Returns:
        The number of rows.

    Raises:
        StatementError, ConnectError: of whichever end failed first; the landing table is as
            it was before.
    """
    with receiver.transaction():
        if not job.adds:
            receiver.run(db.compose("transfer", "truncate", landing=job.landing.name))
        count = append(sender, job.query, receiver, job.landing, binary=job.binary)
    if count:
        receiver.run(db.compose("transfer", "analyze", landing=job.landing.name))
    return count


def append(
    sender: Session, query: Composable, receiver: Session, landing: Landing, *, binary: bool
) -> int:
    """Add the result of `query` to the landing table; both transactions are the caller's.

    Args:
        sender: session that runs the query.
        query: a SELECT with the landing table's columns in their order.
        receiver: session on the receiving server.
        landing: where the rows go.
        binary: use COPY's binary format.

    Returns:
        The number of rows.
    """
    form = db.text("binary" if binary else "text")
    guarded = rowsize.guarded(query, landing.columns, binary=binary)
    columns = db.names(column.name for column in landing.columns)
    todo = {sender.server: refusals.SENDING, receiver.server: refusals.LANDING}
    with refusals.named(landing.entity.removesuffix(f".{KEYS}"), **todo):
        return _pump(
            sender,
            db.compose("transfer", "send", query=guarded, form=form),
            receiver,
            db.compose("transfer", "receive", landing=landing.name, columns=columns, form=form),
        )


def refill(sender: Session, receiver: Session, job: Job) -> int:
    """Do one job in transactions of the caller's on both sides; returns the number of rows."""
    receiver.run(db.compose("transfer", "truncate", landing=job.landing.name))
    rows = append(sender, job.query, receiver, job.landing, binary=job.binary)
    receiver.run(db.compose("transfer", "analyze", landing=job.landing.name))
    return rows


def create(receiver: Session, landing: Landing) -> None:
    """Make a landing table that is not there yet, in the caller's transaction."""
    receiver.run(
        db.compose("transfer", "create", landing=landing.name, columns=_definitions(landing))
    )


def _definitions(landing: Landing) -> Composable:
    return db.text(", ").join(
        db.name(column.name) + db.text(f" {column.type}") for column in landing.columns
    )


def _pump(sender: Session, send: Composable, receiver: Session, receive: Composable) -> int:
    read_end, write_end = os.pipe()
    if _SET_PIPE_SIZE is not None:
        _grow(write_end)
    failures: list[BaseException] = []

    def sending() -> None:
        try:
            with io.BufferedWriter(sender.fed(write_end, "wb"), db.COPY_CHUNK) as out:
                try:
                    sender.copy(send, out)
                except BaseException as error:
                    failures.append(error)
        except BrokenPipeError:
            pass  # The receiver failed first, and says so itself.

    thread = threading.Thread(target=sending, name="tidemark-send", daemon=True)
    thread.start()
    try:
        with io.BufferedReader(receiver.fed(read_end, "rb"), db.COPY_CHUNK) as source:
            count = receiver.copy(receive, source)
    except BaseException as error:
        db.cancel([sender])
        thread.join()
        raise _first_cause(failures, error) from error
    thread.join()
    if failures:
        raise failures[0]
    return count


def _first_cause(sender: list[BaseException], receiver_error: BaseException) -> BaseException:
    """Tell the cause from its echo: a receiver that reads half a stream fails because of it."""
    cut_short = getattr(receiver_error, "sqlstate", None) == _BAD_COPY_FORMAT
    return sender[0] if sender and cut_short else receiver_error


def _grow(pipe: int) -> None:
    # An unprivileged user may have used up its pipe pages; the default size works too.
    with suppress(OSError):
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)  # type: ignore[arg-type]
