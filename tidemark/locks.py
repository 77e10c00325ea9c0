"""Who may do what alone: rows of `tidemark.lock`, which no role but tidemark_etl may lock.

An area is worked on by one process at a time, which has its row locked in the DWH, on a connection
of its own: when the process dies, or the connection does, the row is free. So a process may have
lost it, and not know yet, while another one goes to work. That is why a hop draws a number where it
writes. Its transactions there show the number, and one that shows an old number has been overtaken:
it may write nothing (fencing tokens: Kleppmann, Designing Data-Intensive Applications, chapter 8).
A migration draws a number as well, so what it overtakes begins again and sees what it has changed.

Waits come to an end (`settings.LOCK_TIMEOUT`), and `heartbeat` says for whom they wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tidemark import confined, db, settings
from tidemark.db import Servers, Session
from tidemark.errors import LockedError, OvertakenError, StatementError
from tidemark.model import Holder

T = TypeVar("T")

_LOCK_NOT_AVAILABLE = "55P03"


def hold(session: Session, area: str, so_far: str) -> None:
    """Take an area in the DWH, for as long as the session's transaction, which begins here.

    Raises:
        LockedError: another process works on the area; it ends with `so_far`.
    """
    which = {"name": f"run {area}"}
    session.run(db.compose("locks", "make"), which)
    session.run("begin")
    try:
        session.run(db.compose("locks", "hold"), which)
    except StatementError as error:
        session.run("rollback")  # To read who holds it.
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        found = session.rows(db.compose("locks", "holder"), which)
        who = str(Holder(*found[0])) if found else "a process that has just ended"
        raise LockedError(
            f"{area}: another process works on this area: {who}. "
            f"Wait for it to end, or end it; {so_far}."
        ) from error


@contextmanager
def writing(servers: Servers, session: Session, area: str) -> Iterator[None]:
    """Let one hop alone write the rows of an area in the layer of `session`.

    In the block each transaction of `servers` that may write there shows the number drawn here.
    Transactions that have shown an older one are waited for: a process that was killed may have
    sent its commit, and its server goes on with it.

    Raises:
        LockedError: they did not end in time.
        OvertakenError: from a transaction in the block, whose number another has drawn past.
    """
    name = f"write {area}"
    draw = db.compose("locks", "draw")
    with session.transaction():
        number = _locked(session, lambda: session.value(draw, {"names": [name]}))

    def show(writer: Session) -> None:
        shown: list[db.Row] = []
        try:
            shown = writer.rows(db.compose("locks", "show"), {"name": name, "number": number})
        except StatementError as error:
            if error.sqlstate != _LOCK_NOT_AVAILABLE:
                raise
        if not shown:
            raise OvertakenError(
                f"{area}: a migration of {writer.server}, or another process that writes there, "
                "has overtaken this one. Run the command again."
            )

    servers.guards[session.server] = show
    try:
        yield
    finally:
        del servers.guards[session.server]


def migrating(session: Session) -> None:
    """Let the session's transaction alone migrate its layer.

    Raises:
        LockedError: another migration did not end in time.
    """
    is_first = session.value(db.compose("locks", "is_new"))
    alone = db.compose("locks", "first_migration" if is_first else "migration")
    _locked(session, lambda: session.run(alone))


def overtaking(session: Session, areas: Iterable[str]) -> None:
    """Let the session's transaction change what hops write to; they wait for it, and begin again.

    Raises:
        LockedError: transactions that write there did not end in time.
    """
    draw, names = db.compose("locks", "draw"), [f"write {area}" for area in areas]
    if session.value(db.compose("locks", "exists")):
        _locked(session, lambda: confined.run(session, draw, {"names": names}))


def _locked(session: Session, lock: Callable[[], T]) -> T:
    """Lock something in an open transaction; say who was in the way when it has taken too long."""
    session.run("savepoint before_the_lock")
    try:
        return lock()
    except StatementError as error:
        if error.sqlstate != _LOCK_NOT_AVAILABLE:
            raise
        session.run("rollback to savepoint before_the_lock")
        limit = settings.SESSION["lock_timeout"]
        raise LockedError(
            f"{session.server}: waited {limit} for {_in_the_way(session)}. "
            "Wait for it to end, or end it; nothing was done there."
        ) from error


def _in_the_way(session: Session) -> str:
    found = session.rows(db.compose("locks", "in_the_way"))
    return ", ".join(str(Holder(*each)) for each in found) or "a process that has just ended"
