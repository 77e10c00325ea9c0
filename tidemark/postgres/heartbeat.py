"""Find out whether a server still works while this process waits for it, and keep it waiting too.

A statement may take hours, and the other end of a COPY may be slow. So how long something takes
proves nothing. When this process has waited for a while, a second connection asks the server about
the sessions that are waited for. A connection is given up when two questions in a row find the
same, and nothing was sent or received between them:

* The server does not answer the second connection either. Where a new connection is refused without
  an answer, as by a proxy that takes no more clients, it gets a minute longer: the connections that
  are open may go on.
* The server says that the session has ended, or that it waits for this process, which waits for it.
  What was sent between them got lost, as in a proxy that has stalled.

Giving up shuts the socket of the waiting connection, and the thread that waits there gets an error.
The session at the server is ended as well, where the server can be told: it might hold locks.

A session that waits for a lock is not silent. The log says who holds the lock.

In the other direction, a server ends a transaction that is idle for a while (`settings.SESSION`),
since its process may have vanished. So sessions that are idle in a transaction send something.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol
from weakref import WeakSet

import psycopg2

from tidemark import logs
from tidemark.model import BlockingSession
from tidemark.postgres import connections, login_errors, sqlfiles
from tidemark.postgres.connections import Aside, Connection

log = logs.named(logs.WAITS)

TICK = 5.0
"""Seconds between two looks at the connections of this process. A look asks no server."""
FIRST = 10.0
"""Seconds of waiting before the server is asked. A short run never asks."""
EVERY = 10.0
"""Seconds between two questions to a server."""
ANSWER = 15.0
"""Seconds that a server may take to answer, the login included, even a busy one."""
PING = 15.0
"""Seconds that a transaction may be idle before its session sends something."""

Look = tuple[object, ...]
"""What was seen of a connection. Two looks that are equal mean that nothing moved in between."""


class Kept(Protocol):
    """A session that may be idle in a transaction."""

    def is_quiet(self, seconds: float) -> bool:
        """Whether it is idle in a transaction, and has sent nothing for so many seconds."""
        ...

    def ping(self) -> None:
        """Send something to the server if it is still idle in a transaction."""
        ...


_kept: WeakSet[Kept] = WeakSet()
_lock = threading.Lock()
_watchers = 0
_end = threading.Event()


def keep(session: Kept) -> None:
    """Let a session send something whenever it is idle in a transaction, as long as it lives."""
    _kept.add(session)


@contextmanager
def watching() -> Iterator[None]:
    """Watch the connections of this process in the block; blocks may overlap."""
    global _watchers, _end  # noqa: PLW0603
    with _lock:
        _watchers += 1
        if _watchers == 1:
            _end = threading.Event()
            _start("tidemark-heartbeat", _watch, _end)
    try:
        yield
    finally:
        with _lock:
            _watchers -= 1
            if _watchers == 0:
                _end.set()


def _start(name: str, work: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, args=arguments, daemon=True)
    thread.start()
    return thread


def _watch(end: threading.Event) -> None:
    asking: dict[str, threading.Thread] = {}
    while not end.wait(TICK):
        now = time.monotonic()
        for one in connections.alive():
            one.waits_since = (one.waits_since or now) if connections.waits(one) else None
            is_asked = one.url in asking and asking[one.url].is_alive()
            if one.waits_since and now - one.waits_since >= FIRST and not is_asked:
                # A thread for each server: the question to a silent one must not delay the others.
                asking[one.url] = _start("tidemark-ask", _Server(one.url, end).ask_until_done)
        for session in list(_kept):
            if session.is_quiet(PING):
                _start("tidemark-ping", session.ping)


class _Server:
    """A server that is waited for, and the connection that asks it."""

    def __init__(self, dsn: str, end: threading.Event) -> None:
        self._dsn = dsn
        self._end = end
        self._aside = Aside(dsn)
        self._seen: dict[Connection, tuple[Look, float]] = {}
        """Connection -> what was seen last, and since when that has been the same."""
        self._moved: dict[Connection, tuple[Look, float]] = {}
        """The same, of what this process sees without asking the server."""
        self._is_silent = False
        """Whether it did not answer the last question."""
        self._held: Counter[Connection] = Counter()
        """Connection -> how many looks in a row have found it waiting for a lock."""
        self._unreached_since: float | None = None
        """Since when it can't be reached."""

    def ask_until_done(self) -> None:
        """Ask again and again while a connection waits for the server."""
        try:
            while waiting := self._waiting():
                if self._look(waiting) and self._end.wait(EVERY):
                    return
        finally:
            self._aside.close()

    def _waiting(self) -> list[Connection]:
        return [one for one in self._mine() if connections.waits(one)]

    def _mine(self) -> list[Connection]:
        return [one for one in connections.alive() if one.url == self._dsn]

    def _look(self, waiting: list[Connection]) -> bool:
        """Ask once, and act on the answer. Returns False if there was none: ask again at once."""
        traffic = {one: connections.traffic(one) for one in waiting}
        try:
            found = self._asked(waiting)
        except TimeoutError:
            # Once proves nothing: a busy server may miss one question. So it is given up only if a
            # connection that is waited for has not moved since the last one either.
            self._aside.close()
            unmoved = self._see(self._moved, {one: (traffic[one],) for one in waiting})
            if self._is_silent and unmoved:
                self._give_up(max(unmoved.values()))
            self._is_silent, self._unreached_since = True, None
            return False
        except psycopg2.Error as error:
            self._aside.close()
            self._refused(error, {one: (traffic[one],) for one in waiting})
            return True
        self._is_silent, self._unreached_since = False, None
        self._tell_of_locks({one for one in waiting if found.get(one.pid, _GONE)[1] == "Lock"})
        looks = {one: (traffic[one], *found.get(one.pid, _GONE)) for one in waiting}
        for one, seconds in self._see(self._seen, looks).items():
            if _is_dead(looks[one]):
                self._end_one(one, looks[one], seconds)
        return True

    def _tell_of_locks(self, held: Collection[Connection]) -> None:
        """Log who holds the locks that these wait for, at the looks 1, 2, 4, 8 and so on."""
        self._held = Counter({one: self._held[one] + 1 for one in held})
        for one in held:
            if self._held[one].bit_count() == 1:
                statement = sqlfiles.statement(__name__, "in_the_way")
                with suppress(psycopg2.Error, TimeoutError):
                    found = self._aside.rows(statement, {"pid": one.pid}, time.monotonic() + ANSWER)
                    who = ", ".join(str(BlockingSession(*each)) for each in found) or _UNSEEN
                    log.warning("%s: waits for %s", one.server, who)

    def _refused(self, error: psycopg2.Error, looks: Mapping[Connection, Look]) -> None:
        """Handle a login that failed. A refusal, such as that no connection is left, is an answer.

        Without one, the server can't be reached. It is given up after a minute in which nothing
        moved on its open connections.
        """
        self._is_silent = False
        if login_errors.is_answer(error):
            self._unreached_since = None
            return
        unmoved, now = self._see(self._moved, looks), time.monotonic()
        self._unreached_since = self._unreached_since or now
        if unmoved and now - self._unreached_since >= connections.PATIENCE:
            self._give_up(max(unmoved.values()))

    def _see(
        self, seen: dict[Connection, tuple[Look, float]], looks: Mapping[Connection, Look]
    ) -> dict[Connection, float]:
        """Remember what is seen now; return the seconds of stillness of those that did not move."""
        now = time.monotonic()
        unmoved = {}
        for one, look in looks.items():
            before, since = seen.get(one, (None, 0.0))
            if before == look:
                unmoved[one] = now - since
            else:
                seen[one] = (look, now if one in seen else one.waits_since or now)
        for one in seen.keys() - looks.keys():
            del seen[one]
        return unmoved

    def _asked(self, waiting: Iterable[Connection]) -> dict[int, Look]:
        """Return pid -> what the server says of its session; raises as `Aside.rows`."""
        which = {"pids": [one.pid for one in waiting]}
        statement = sqlfiles.statement(__name__, "sessions")
        found = self._aside.rows(statement, which, time.monotonic() + ANSWER)
        return {pid: tuple(look) for pid, *look in found}

    def _give_up(self, seconds: float) -> None:
        """End all connections to a silent server, also those on which nobody waits yet."""
        connections.count_silence(self._dsn, seconds)
        for one in self._mine():
            connections.give_up(one, f"no answer for {seconds:.0f} s, nor to a second connection")

    def _end_one(self, one: Connection, look: Look, seconds: float) -> None:
        """End a connection on both sides."""
        connections.count_silence(self._dsn, seconds)
        what = "has ended its session" if look[1:] == _GONE else "waits for this side"
        connections.give_up(one, f"no answer for {seconds:.0f} s, and the server {what}")
        with suppress(psycopg2.Error, TimeoutError):
            self._aside.end([one.pid], time.monotonic() + ANSWER)


_GONE: Look = (None, None, None)
_UNSEEN = "a prepared transaction, or who has just ended"


def _is_dead(look: Look) -> bool:
    """Whether a session's state means that nothing more comes through its connection.

    It has ended, or waits for this process (`Client`), while this process waits for it.
    """
    moved, state, waits_for, _ = look
    # Where the system does not count bytes, a COPY may be moving. An active session that waits for
    # its client may be in one, so it is left alone.
    if moved is None:
        return state is None or (state != "active" and waits_for == "Client")
    return look[1:] == _GONE or waits_for == "Client"
