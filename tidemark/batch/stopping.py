"""Signals that end a service: what is in hand is finished first.

For commands that run for long and hold work of others. Commands that run a batch are cancelled
(`interrupts`).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Left(BaseException):
    """Ends a wait. No library catches it."""


class Stopping:
    """Whether a signal has asked for the end."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._is_waiting = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as a wish, in the main thread; a second one ends at once."""
        before = {number: signal.signal(number, self._take) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def unless_asked(self, wait: Callable[[], T]) -> T | None:
        """Call what waits and has nothing in hand; None: a signal has ended it."""
        try:
            try:
                self._is_waiting = True
                return None if self.asked.is_set() else wait()
            finally:
                self._is_waiting = False
        except _Left:
            return None

    def _take(self, number: int, _frame: object) -> None:
        if self.asked.is_set():
            sys.exit(128 + number)
        self.asked.set()
        if self._is_waiting:
            self._is_waiting = False
            raise _Left
