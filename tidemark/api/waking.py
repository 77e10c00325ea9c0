"""What follows a commit of events, beside the request: waiters are told, delays are measured."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from tidemark.api.metrics import Metrics
from tidemark.api.pool import Pool
from tidemark.api.state import States
from tidemark.errors import TidemarkError
from tidemark.layers import inbox

_BETWEEN = 0.05
"""Seconds between two NOTIFYs. Each holds a lock over all of PostgreSQL while it commits."""
_LOOK = 1.0
"""Seconds between two looks whether an event has become visible."""


class Repeated:
    """A thread that does something once it was asked to, and then again not before a pause."""

    def __init__(self, name: str, pause: float, do: Callable[[], None]) -> None:
        self._pause, self._do = pause, do
        self._asked, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tidemark-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask(self) -> None:
        """Have it done soon."""
        self._asked.set()

    def stop(self) -> None:
        """Do it a last time if it was asked for, and end."""
        self._is_over.set()
        self._asked.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._asked.wait()
            self._asked.clear()
            # Who waits for news looks by itself as well, so none is lost for good.
            with suppress(TidemarkError):
                self._do()
            self._is_over.wait(self._pause)


class Waking:
    """Tells those that wait for events that some have come, and measures when they are visible."""

    def __init__(self, mrr: Pool, states: States, metrics: Metrics) -> None:
        self._mrr, self._states, self._metrics = mrr, states, metrics
        self._areas: set[str] = set()
        self._samples: dict[str, str] = {}
        """Area -> an event whose delay is measured."""
        self._threads = (
            Repeated("notify", _BETWEEN, self._tell),
            Repeated("visible", _LOOK, self._look),
        )

    def woken(self, area: str, event_id: str) -> None:
        """Take note of an event that was stored; it is quick."""
        self._areas.add(area)
        self._samples.setdefault(area, event_id)
        for thread in self._threads:
            thread.ask()

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, when all were told."""
        for thread in self._threads:
            thread.stop()

    def _tell(self) -> None:
        areas: set[str] = set()
        while self._areas:
            areas.add(self._areas.pop())
        with self._mrr.session() as mrr:
            inbox.tell(mrr, areas)

    def _look(self) -> None:
        try:
            for area, event_id in [*self._samples.items()]:
                if (delay := self._states.delay(area, event_id)) is not None:
                    del self._samples[area]
                    self._metrics.saw(area, delay)
        finally:
            if self._samples:
                self._threads[1].ask()
