"""COPY from one server into another; Python moves bytes and sees no row.

The sender's `COPY … TO STDOUT` and the receiver's `COPY … FROM STDIN` run in two threads with a
pipe between them (`inlet`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tidemark.errors import NotLandedError, RefusedRowError, TidemarkError
from tidemark.model import Column, Layer, ServerName
from tidemark.postgres import (
    compose,
    db,
    inlet,
    question,
    refusals,
    rowsize,
    worktable,
)
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.inlet import (
    Format,
    Inlet,
    Out,
)
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers
from tidemark.postgres.worktable import WorkTable

READ_ONLY = "isolation level repeatable read read only"

STREAMS = 4
"""How many entities stream at once."""

KEYS = "keys"
"""The work table that takes the keys of an entity."""

Landing = WorkTable
"""A landing table is a work table that another server fills; there is one for each entity."""


@dataclass(frozen=True, slots=True)
class Job:
    """One query of the sending server and the landing table that takes its rows."""

    landing: Landing
    query: Composable
    binary: bool


@dataclass(frozen=True, slots=True)
class Task:
    """A landing table of the receiving server, and the function that sends items to it."""

    landing: Landing
    send: Callable[[Inlet], None]
    adds: bool = False
    """Whether rows are added to those that the tables have. Otherwise they are emptied first."""
    refused: WorkTable | None = None
    """Takes the rows that the careful way refuses; None: they are not kept, as of keys."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What has landed in one table."""

    rows: int
    seconds: float
    refused: int = 0
    """Rows that could not land."""
    brought: frozenset[str] = frozenset()
    """Columns that the items had."""
    items: tuple[tuple[int, str], ...] = ()
    """See `Inlet.items`."""
    is_numbered: bool = False
    """Whether the table has numbered its rows as they landed."""

    @property
    def is_ordered(self) -> bool:
        """Whether `_seq` says the order of the rows: several may be versions of one key."""
        return self.is_numbered or "_seq" in self.brought


def is_binary_safe(sent: Sequence[Column], received: Sequence[Column]) -> bool:
    """Whether both ends have the same built-in types, so that COPY's binary format fits."""
    return all(
        left.type == right.type and "." not in left.type
        for left, right in zip(sent, received, strict=True)
    )


@contextmanager
def temporary(receiver: Session, landing: Landing) -> Iterator[Landing]:
    """Make a landing table that only this session sees, and drop it at the end of the block."""
    own = replace(landing, qualified_name=("pg_temp", landing.entity))
    receiver.run(compose.statement(__name__, "create_temporary", _definition(own)))
    yield own
    receiver.run(compose.statement(__name__, "drop", landing=own.name))


def shared_snapshot(sender: Session) -> str:
    """Let other sessions see what this transaction sees; returns the name of its snapshot."""
    return question.ask(sender, sharing_snapshot())


def sharing_snapshot() -> Question[str]:
    """Return the question of `shared_snapshot`, to be asked together with others."""
    return Question(compose.statement(__name__, "export_snapshot"), question.one)


def stream_all(
    servers: Servers, *, sender: tuple[ServerName, str], receiver: Layer, jobs: Sequence[Job]
) -> Mapping[str, Streamed]:
    """Fill several landing tables at once, all from one snapshot of the sending layer.

    Args:
        servers: where the sessions come from.
        sender: the sending server, and the exported snapshot that every stream reads.
        receiver: the receiving layer.
        jobs: what to stream; the largest should come first.

    Returns:
        Entity -> rows and seconds.
    """
    snapshot = Snapshot(servers, *sender)
    tasks = [Task(job.landing, partial(_send_job, snapshot, job)) for job in jobs]
    return land_all(servers, receiver, tasks)


def land_all(servers: Servers, receiver: Layer, tasks: Sequence[Task]) -> Mapping[str, Streamed]:
    """Fill several landing tables at once.

    Args:
        servers: where the sessions of the receiver come from.
        receiver: the receiving layer.
        tasks: what to land; the largest should come first.

    Returns:
        Name of the landing table -> what has landed.
    """
    receivers: list[Session] = []
    inlets: list[Inlet] = []

    def one(task: Task) -> Streamed:
        def sending(out: Inlet) -> None:
            inlets.append(out)
            task.send(out)

        with servers.session(receiver, f"land {task.landing.entity}") as session:
            receivers.append(session)
            return land(session, replace(task, send=sending))

    with ThreadPoolExecutor(STREAMS, thread_name_prefix="tidemark-stream") as pool:
        streams = [pool.submit(one, task) for task in tasks]
        try:
            for each in as_completed(streams):
                each.result()
        except BaseException:
            _stop(streams, receivers, inlets)
            raise
    done = [each.result() for each in streams]
    return {task.landing.entity: result for task, result in zip(tasks, done, strict=True)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An exported snapshot of a server, for as many sessions as read it."""

    servers: Servers
    server: ServerName
    id: str
    limits: Composable | None = None
    """The statement with which each of its transactions begins."""

    def send(
        self,
        query: Composable,
        out: Out,
        columns: Sequence[Column],
        *,
        binary: bool,
        is_careful: bool = False,
    ) -> None:
        """Send the rows of a query, as `send` does, in a transaction of its own.

        Raises:
            RefusedRowError: the sender refused a row. It names the column, if one is to blame.
            NotLandedError: see `send`.
        """
        with (
            self.servers.session(self.server, f"send {out.entity}") as session,
            self._column_told(session, query, columns),
            self.read(session),
        ):
            send(session, query, out, columns, binary=binary, is_careful=is_careful)

    @contextmanager
    def read(self, session: Session) -> Iterator[None]:
        """Read the snapshot in the block."""
        with session.transaction(READ_ONLY):
            session.queue("set transaction snapshot %(id)s", {"id": self.id})
            if self.limits:
                session.queue(self.limits)
            yield

    @contextmanager
    def _column_told(
        self, session: Session, query: Composable, columns: Sequence[Column]
    ) -> Iterator[None]:
        """Find the column because of which the sender refuses a row: PostgreSQL does not say it."""

        def is_refused(some: Sequence[str]) -> bool:
            part = compose.statement(__name__, "part", columns=Columns(tuple(some)), query=query)
            statement = compose.statement(__name__, "send", query=part, form=db.name("text"))
            with Path(os.devnull).open("wb") as nowhere:
                try:
                    with self.read(session):
                        session.copy(statement, nowhere)
                except RefusedRowError:
                    return True
            return False

        try:
            yield
        except NotLandedError:
            raise
        except RefusedRowError as error:
            column = None
            if error.is_data and error.column is None:
                with suppress(TidemarkError):  # It takes too long, or was cancelled.
                    column = refusals.culprit([c.name for c in columns], is_refused)
            raise error.of(error.entity, error.todo, column=column) from error


def _stop(
    streams: Sequence[Future[Streamed]], receivers: Sequence[Session], inlets: Sequence[Inlet]
) -> None:
    """End the other streams when one has failed: they would hold the source's snapshot in vain."""
    for each in streams:
        each.cancel()
    # Again and again: a stream that is between two statements has nothing to cancel at that moment.
    pause = 0.1
    while wait(streams, timeout=pause).not_done:
        # A receiver may wait for a lock before its sender has begun.
        db.cancel(list(receivers))
        for out in list(inlets):
            out.stop()
        pause = min(2 * pause, 2.0)


def land(receiver: Session, task: Task) -> Streamed:
    """Fill a landing table in one transaction on the receiving server.

    Args:
        receiver: session on the receiving server, outside of a transaction.
        task: the table, and the function that sends to it.

    Raises:
        StatementError, ConnectError: of the end that failed first. The landing table is as it was
            before.
    """
    start = time.monotonic()
    landing = task.landing
    with receiver.transaction():
        if not task.adds:
            # A run that died may have left rows there.
            for table in filter(None, (landing, task.refused)):
                receiver.queue(table.emptied)
        with _taking(receiver, landing, task.refused) as out:
            task.send(out)
        worktable.weigh(receiver, landing, rows=out.rows)
    seconds = time.monotonic() - start
    return Streamed(
        out.rows, seconds, out.refused, frozenset(out.brought), tuple(out.items), out.is_numbered
    )


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
    with _taking(receiver, landing) as out:
        send(sender, query, out, landing.columns, binary=binary)
    return out.rows


def _taking(
    receiver: Session, landing: Landing, refused: WorkTable | None = None
) -> AbstractContextManager[Inlet]:
    entity = landing.entity.removesuffix(f".{KEYS}")
    return inlet.taking(receiver, landing, entity, refused)


def send(
    sender: Session,
    query: Composable,
    out: Out,
    columns: Sequence[Column],
    *,
    binary: bool,
    is_careful: bool = False,
) -> None:
    """Send the result of a query as one item; its columns are these, as the receiver has them.

    Raises:
        NotLandedError: the receiver refused a row. It has nothing of the item, and may get it
            again, the careful way: in text format.
        RefusedRowError: the sender refused a row.
    """
    guarded = rowsize.guarded(query, columns, binary=binary)
    form: Format = "binary" if binary else "text"
    statement = compose.statement(__name__, "send", query=guarded, form=db.name(form))
    names, stop = [column.name for column in columns], partial(db.cancel, [sender])
    pipe = out.begin("", names, form, stop=stop, is_careful=is_careful)
    with refusals.named(out.entity, **{sender.server: refusals.SENDING}):
        sender.copy_out(statement, pipe)
    if refused := out.end():
        raise refused


def _send_job(snapshot: Snapshot, job: Job, out: Inlet) -> None:
    snapshot.send(job.query, out, job.landing.columns, binary=job.binary)


def refill(sender: Session, receiver: Session, job: Job) -> int:
    """Do one job in transactions of the caller's on both sides; returns the number of rows."""
    receiver.queue(job.landing.emptied)
    rows = append(sender, job.query, receiver, job.landing, binary=job.binary)
    worktable.weigh(receiver, job.landing, rows=rows)
    return rows


def create(receiver: Session, landing: Landing) -> None:
    """Make a landing table that does not exist yet, in the caller's transaction."""
    receiver.run(compose.statement(__name__, "create", _definition(landing)))


def _definition(landing: Landing) -> Parts:
    return {
        "landing": landing.name,
        "names": Columns(tuple(column.name for column in landing.columns)),
        "types": [db.raw(column.type) for column in landing.columns],
    }
