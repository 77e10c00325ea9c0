"""Locks, as rows of `tidemark.lock`. No role but tidemark_etl may lock them.

One process at a time works on an area. It locks the area's row in the DWH, on a connection of its
own, and the rows of areas that share a dimension with it. The rows are free again when the process
or its connection dies.

So a process may lose its lock without noticing, while another one begins to work. Therefore a hop
also draws a number in the layer that it writes to, and each of its transactions there shows that
number. If a newer number has been drawn, the transaction was overtaken and may write nothing. This
is known as a fencing token (Kleppmann, Designing Data-Intensive Applications, chapter 8). A
migration draws a number too: the hop that it overtakes begins again, and sees the changed tables.

Every wait ends (`settings.LOCK_TIMEOUT`, `settings.PATIENCE`). `heartbeat` logs who is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tidemark.errors import LockedError, StatementError
from tidemark.model import BlockingSession
from tidemark.postgres import (
    compose,
    confined,
    db,
    question,
    settings,
)
from tidemark.postgres.db import Session
from tidemark.postgres.question import Question
from tidemark.postgres.sessions import Servers

T = TypeVar("T")

_LOCK_NOT_AVAILABLE = "55P03"

WORKER = "tidemark work"
"""How the sessions of a worker call themselves, at the beginning."""


def hold(
    session: Session,
    area: str,
    so_far: str,
    *,
    beside: Iterable[str] = (),
    is_patient: bool = False,
) -> None:
    """Lock areas in the DWH. This opens the session's transaction, whose end frees the locks.

    They are locked in the order of their names, so that no two processes wait for each other. A
    worker is always waited for: it holds the lock for one batch, and leaves it free between two.

    Args:
        session: the one that holds the locks.
        area: what this process works on.
        so_far: what it has done: the end of the error's message.
        beside: other areas whose facts or dimensions it writes.
        is_patient: whether to wait for other processes, each `settings.PATIENCE` at most.

    Raises:
        LockedError: another process works on one of the areas.
    """
    names = [f"run {each}" for each in {area, *beside}]
    try:
        _hold(session, names, is_patient=is_patient)
    except StatementError as error:
        session.run("rollback")  # The statement failed, and the next one has to read the holder.
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        found = session.rows(compose.statement(__name__, "holder"), {"names": list(names)})
        holders = [(name, BlockingSession(*about)) for name, *about in found]
        if not is_patient and all(one.application.startswith(WORKER) for _, one in holders):
            hold(session, area, so_far, beside=beside, is_patient=True)
            return
        raise _worked_on(area, holders, so_far, is_patient=is_patient) from error


def _hold(session: Session, names: Collection[str], *, is_patient: bool) -> None:
    which = {"names": list(names)}
    session.run("begin")
    if is_patient:
        session.run(compose.statement(__name__, "be_patient"), {"patience": settings.PATIENCE})
    nowait = db.raw("" if is_patient else " nowait")
    hold = compose.statement(__name__, "hold", nowait=nowait)
    if len(session.rows(hold, which)) < len(names):
        # The first run of an area. Others have to see its row before it is locked.
        session.run("rollback")
        session.run(compose.statement(__name__, "make"), which)
        _hold(session, names, is_patient=is_patient)


def _worked_on(
    area: str, holders: Sequence[tuple[str, BlockingSession]], so_far: str, *, is_patient: bool
) -> LockedError:
    """Say who works on an area, or on one that shares a dimension with it."""
    name, holder = holders[0] if holders else ("", None)
    other = name.removeprefix("run ")
    said = "another process works on this area"
    if other not in ("", area):
        said = f"another process works on {other}, which shares a dimension with it"
    waited = f", still after {settings.PATIENCE}" if is_patient else ""
    return LockedError(
        f"{area}: {said}{waited}: "
        f"{holder or 'a process that has just ended'}. "
        f"Wait for it to end, or end it; {so_far}.",
        area=area,
        holder=holder,
    )


@contextmanager
def writing(
    servers: Servers,
    session: Session,
    area: str,
    asked: Question[T],
    *,
    beside: Iterable[str] = (),
) -> Iterator[T]:
    """Let only one hop write the rows of areas in the layer of `session`, and ask it something.

    In the block, each transaction of `servers` that may write there shows the numbers drawn here.
    Drawing waits for transactions that have shown an older number. A killed process may have sent
    its commit, and its server still carries it out. The question is answered after the wait.

    Raises:
        LockedError: those transactions did not end in time.
        OvertakenError: raised by a transaction in the block after another process drew a number.
    """
    which = {"names": [f"write {each}" for each in {area, *beside}]}
    drawn = question.of(compose.statement(__name__, "drawn"), which, tuple)
    session.queue(compose.statement(__name__, "draw"), which)
    try:
        numbers, answer = question.ask(session, question.both(drawn, asked))
    except StatementError as error:
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        raise _waited(session, area) from error
    shown = {"names": [name for name, _ in numbers], "numbers": [each for _, each in numbers]}
    servers.guards[session.server] = db.Bound(compose.statement(__name__, "show"), shown)
    try:
        yield answer
    finally:
        del servers.guards[session.server]


def migrating(session: Session) -> None:
    """Let only this session's transaction migrate its layer.

    Raises:
        LockedError: another migration did not end in time.
    """
    is_first = session.value(compose.statement(__name__, "is_new"))
    alone = compose.statement(__name__, "first_migration" if is_first else "migration")
    _locked(session, lambda: session.run(alone))


def overtaking(session: Session, areas: Iterable[str]) -> None:
    """Let the session's transaction change the tables that hops write to.

    It waits for the transactions that write there now. Hops that want to write wait for it in turn,
    and then begin again.

    Raises:
        LockedError: transactions that write there did not end in time.
    """
    draw, names = compose.statement(__name__, "draw"), [f"write {area}" for area in areas]
    if session.value(compose.statement(__name__, "exists")):
        _locked(session, lambda: confined.run(session, draw, {"names": names}))


def drawing(session: Session, area: str) -> None:
    """Do the same as `overtaking` for one area, in a transaction of tidemark_etl's own.

    Raises:
        LockedError: see `overtaking`.
    """
    draw, names = compose.statement(__name__, "draw"), [f"write {area}"]
    _locked(session, lambda: session.run(draw, {"names": names}))


def _locked(session: Session, lock: Callable[[], T]) -> T:
    """Lock something in an open transaction; after too long a wait, say who held it."""
    # Behind the savepoint, the transaction can still ask for holders.
    try:
        with session.savepoint():
            return lock()
    except StatementError as error:
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        raise _waited(session) from error


def _waited(session: Session, area: str | None = None) -> LockedError:
    """Say who was waited for in vain; of a migration there is no area."""
    found = session.rows(compose.statement(__name__, "in_the_way"))
    holders = [BlockingSession(*each) for each in found]
    who = ", ".join(map(str, holders)) or "a process that has just ended"
    return LockedError(
        f"{session.server}: waited {settings.SESSION['lock_timeout']} for {who}. "
        "Wait for it to end, or end it; nothing was done there.",
        area=area,
        holder=holders[0] if holders else None,
    )
