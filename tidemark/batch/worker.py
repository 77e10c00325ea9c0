"""A worker: takes what applications have posted as it comes, as batches, one after the other.

With one event a batch has one, under load it has all that came during the last batch. Each area has
a thread and sessions of its own, so a slow one holds up no other. A batch holds the area's lock, as
every batch does. Between two the lock is free for a moment, and whoever waits for it gets it: so
scheduled runs, `verify` and `rebuild` find their turn under any load.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from tidemark import logs
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.errors import ConnectError, LockedError
from tidemark.layers import inbox
from tidemark.postgres.locks import WORKER
from tidemark.postgres.sessions import Servers
from tidemark.results import BatchResult
from tidemark.sources.inbox import InboxSource

log = logs.named(__name__)

Report = Callable[[BatchResult], None]

POLL = 5.0
"""Seconds after which a worker looks by itself: what wakes it may have got lost."""
GAP = 0.02
"""Seconds in which an area's lock is free between two batches. Who waits for it gets it in one."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds after a batch that failed; twice as many after each further one, up to the longest."""
LAST_TRIES = 2
"""Tries of a worker that stops: the first one may only find out that its connections are dead."""
LISTENS = 1.0
"""Seconds for which a worker listens before it looks whether it was told to stop."""
PRUNES_EVERY = 3600.0
"""Seconds between two batches of a worker that apply the area's retention."""


class Worker:
    """Takes the events of areas, from `start` to `stop`."""

    def __init__(
        self, servers: Servers, areas: Collection[Area], *, report: Report | None = None
    ) -> None:
        """Make a worker.

        Args:
            servers: those of the project. The worker has sessions of its own there.
            areas: whose events it takes; all of them have an inbox.
            report: called after each batch, by the thread of its area.
        """
        self._servers = servers
        self._stopping = threading.Event()
        self._areas = {one.area: _Taking(servers, one, self._stopping, report) for one in areas}
        self._ear = threading.Thread(target=self._listen, name="tidemark-listen", daemon=True)

    def start(self) -> None:
        """Begin, with what has come so far."""
        self._ear.start()
        for one in self._areas.values():
            one.thread.start()

    def wake(self, *areas: str) -> None:
        """Say that events have come. A worker also hears of them by NOTIFY, but later."""
        for name in areas:
            if name in self._areas:
                self._areas[name].woken.set()

    def stop(self) -> None:
        """Take what has come so far, and end. What can't be taken now is taken by the next one."""
        self._stopping.set()
        self.wake(*self._areas)
        for one in self._areas.values():
            one.thread.join()
        self._ear.join()

    @property
    def is_alive(self) -> bool:
        """Whether all its threads work."""
        return all(one.thread.is_alive() for one in self._areas.values())

    def _listen(self) -> None:
        with logs.within("worker"):
            while not self._stopping.is_set():
                with suppress(ConnectError):
                    self._hear()
                self._stopping.wait(LISTENS)

    def _hear(self) -> None:
        """Wake areas until the connection breaks. Then nobody knows what came meanwhile."""
        with self._servers.beside("listen").session("mrr", "listen") as mrr:
            inbox.listen(mrr)
            self.wake(*inbox.waiting(mrr))
            while not self._stopping.is_set():
                self.wake(*inbox.heard(mrr, seconds=LISTENS))
            mrr.close()


class _Taking:
    """The thread that takes the events of one area."""

    def __init__(
        self, servers: Servers, area: Area, stopping: threading.Event, report: Report | None
    ) -> None:
        self.woken = threading.Event()
        self.thread = threading.Thread(
            target=self._work, name=f"tidemark-work-{area.area}", daemon=True
        )
        self._servers = servers.beside(WORKER.removeprefix("tidemark "), keeps_plans=True)
        self._area = area
        self._stopping = stopping
        self._report = report
        self._is_whole = False
        """Whether the last batch has gone through all hops. Before the first one, nobody knows."""
        self._failures = 0
        self._pruned = time.monotonic()

    def _work(self) -> None:
        with logs.within(self._area.area), self._servers:
            tries = LAST_TRIES
            while tries:
                self.woken.wait(POLL)
                self.woken.clear()
                is_last = self._stopping.is_set()
                if self._take_all() and is_last:
                    return
                tries -= is_last

    def _take_all(self) -> bool:
        """Run batches until nothing waits, and return whether that was reached.

        What a batch has left between two hops waits in no inbox, so another batch comes at once.
        """
        try:
            while not self._is_whole or self._has_some():
                self._is_whole = False
                self._run()
                self._is_whole, self._failures = True, 0
                time.sleep(GAP)
            return True
        except LockedError as error:
            log.info("%s", error)
            self.woken.set()
        except Exception as error:
            # Up to 16: after a thousand failures the power would be no number any more.
            seconds = min(FIRST_WAIT * 2 ** min(self._failures, 16), LONGEST_WAIT)
            self._failures += 1
            log.warning("%s Tried again in %.0f s.", logs.said(error), seconds)
            self._servers.close()
            self._stopping.wait(seconds)
            self.woken.set()
        return False

    def _has_some(self) -> bool:
        """Whether a batch would take something. Events of a kind that nobody takes just wait."""
        return InboxSource(self._servers).has_new(self._area, {})

    def _run(self) -> None:
        now = time.monotonic()
        prunes = now - self._pruned > PRUNES_EVERY
        done = pipeline.run(self._servers, self._area, is_patient=True, prunes=prunes)
        if prunes:
            self._pruned = now
        if self._report:
            self._report(done)
