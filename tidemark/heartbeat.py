"""Find out whether a server that is waited for still works, and tell it that this side does.

A statement may take hours, and the other end of a COPY may be slow: how long something takes says
nothing. So when this side has waited for a while, a second connection asks the server what it makes
of the sessions that are waited for. Twice in a row, each time with nothing sent or received:

* it does not answer there either: it is silent; where it can't even be reached, as behind a proxy
  that takes nobody new, that is waited for a minute longer, since what it has taken may go on;
* the session has ended there, or waits for this side, which waits for it: what was said between
  them got lost, as in a proxy that has stalled.

Either shuts the socket of the waiting connection, and whoever waits there gets an error. The
session that is left behind is ended where the server can be told, so that it holds no lock.

Who waits for a lock is not silent: the log says who is in the way.

The other way round a server ends a transaction that says nothing for a while (`settings.SESSION`):
its process may have vanished. So sessions that are idle in a transaction say something.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Protocol
from weakref import WeakSet

import psycopg2

from tidemark import connections, login_errors, sqlfiles
from tidemark.connections import Aside, Connection
from tidemark.model import Holder

log = logging.getLogger(__name__)

TICK = 5.0
"""Seconds from one glance at the connections to the next; it asks no server."""
FIRST = 10.0
"""Seconds of waiting before the server is asked. A short run never asks."""
EVERY = 10.0
"""Seconds from one question to the next."""
ANSWER = 15.0
"""Seconds that a server may take to answer, the login included, however much else it has to do."""
PING = 15.0
"""Seconds that a transaction may be idle before it says something."""

Look = tuple[object, ...]
"""What was seen of a connection: it stays the same while nothing moves."""


class Kept(Protocol):
    """What may be idle in a transaction."""

    def is_quiet(self, seconds: float) -> bool:
        """Whether it is idle in a transaction, and has said nothing for so long."""
        ...

    def ping(self) -> None:
        """Say something to the server if it still is idle in a transaction."""
        ...


_kept: WeakSet[Kept] = WeakSet()
_lock = threading.Lock()
_watchers = 0
_end = threading.Event()


def keep(session: Kept) -> None:
    """Let a session say something whenever it is idle in a transaction, while it lives."""
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
        """Of each connection, what was seen last, and since when it has been that."""
        self._moved: dict[Connection, tuple[Look, float]] = {}
        """The same of what this side alone can see."""
        self._is_silent = False
        """Whether it did not answer the last question."""
        self._held: Counter[Connection] = Counter()
        """Of each connection, how many looks in a row have found it waiting for a lock."""
        self._unreached_since: float | None = None
        """Since when it can't be reached."""

    def ask_until_done(self) -> None:
        """Ask again and again while something waits for the server."""
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
        """Ask once, and act on it; returns whether there was an answer, so that it may rest."""
        traffic = {one: connections.traffic(one) for one in waiting}
        try:
            found = self._asked(waiting)
        except TimeoutError:
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
        """Say on the log who is in the way of these; of each ever more seldom."""
        self._held = Counter({one: self._held[one] + 1 for one in held})
        for one in held:
            if self._held[one].bit_count() == 1:
                statement = sqlfiles.statement("heartbeat", "in_the_way")
                with suppress(psycopg2.Error, TimeoutError):
                    found = self._aside.rows(statement, {"pid": one.pid}, time.monotonic() + ANSWER)
                    who = ", ".join(str(Holder(*each)) for each in found) or _UNSEEN
                    log.warning("%s: waits for %s", one.server, who)

    def _refused(self, error: psycopg2.Error, looks: Mapping[Connection, Look]) -> None:
        """Take the refusal of a server for an answer, such as that it has no connection left."""
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
        """Remember what is seen now; return for how long nothing has moved, where nothing has."""
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
        """Return pid -> what the server says of it; raises as `Aside.rows`."""
        which = {"pids": [one.pid for one in waiting]}
        statement = sqlfiles.statement("heartbeat", "sessions")
        found = self._aside.rows(statement, which, time.monotonic() + ANSWER)
        return {pid: tuple(look) for pid, *look in found}

    def _give_up(self, seconds: float) -> None:
        """End all connections to a server that is silent, those too that nobody waits for yet."""
        connections.count_silence(self._dsn, seconds)
        for one in self._mine():
            connections.give_up(one, f"no answer for {seconds:.0f} s, nor to a second connection")

    def _end_one(self, one: Connection, look: Look, seconds: float) -> None:
        """End a connection on both sides."""
        connections.count_silence(self._dsn, seconds)
        what = "has ended its session" if look[1:] == _GONE else "waits for this side"
        connections.give_up(one, f"no answer for {seconds:.0f} s, and the server {what}")
        with suppress(psycopg2.Error, TimeoutError):
            statement = sqlfiles.statement("heartbeat", "end")
            self._aside.rows(statement, {"pids": [one.pid]}, time.monotonic() + ANSWER)


_GONE: Look = (None, None, None)
_UNSEEN = "a prepared transaction, or who has just ended"


def _is_dead(look: Look) -> bool:
    """Whether what the server says of a session means that its connection carries nothing more."""
    moved, state, waits_for, _ = look
    if moved is None:  # A COPY may have moved, and the system does not tell.
        return state is None or (state != "active" and waits_for == "Client")
    return look[1:] == _GONE or waits_for == "Client"
