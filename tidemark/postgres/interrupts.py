"""Signals that end a command: what runs on the servers is cancelled, and nothing is tried again.

Python handles a signal between two of its instructions, and libpq waits for the end of a statement
within one. So a second thread watches for signals. The functions here are for the main thread.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tidemark.postgres import connections

SHUT = 3.0
"""Seconds after a signal in which the servers may end what runs there."""
LEAVE = 8.0
"""Seconds after those in which the process may end by itself, with its last words in the log."""
_STILL = 1.0

arrived = threading.Event()
"""Set once a signal has come in the last `cancelling` block."""


@contextmanager
def cancelling() -> Iterator[None]:
    """Let a signal (Ctrl-C, an orchestrator's SIGTERM) cancel what runs on the servers.

    If that does not end the block, the connections are shut. If that does not end it either, as in
    a login, the process ends. A further signal takes the next of these steps at once.
    """
    arrived.clear()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    watcher = threading.Thread(target=_watch, args=[ours], name="tidemark-interrupt", daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()
        watcher.join(SHUT)
        ours.close()


def _watch(signals: socket.socket) -> None:
    number = signals.recv(1)
    if not number:
        return
    arrived.set()
    connections.cancel(connections.alive())
    if _has_ended(signals, SHUT):
        return
    busy: set[connections.Connection] = set()
    deadline = time.monotonic() + LEAVE
    while time.monotonic() < deadline:
        # A statement that has just begun may be the one that logs the interruption. So only a
        # connection that was busy at the last look as well is shut.
        before, busy = busy, {one for one in connections.alive() if connections.is_busy(one)}
        for one in before & busy:
            connections.give_up(one, "the server did not end its statement when it was asked to")
        if _has_ended(signals, _STILL):
            return
    os.write(2, b"error: a server does not answer: left without its word.\n")
    os._exit(128 + number[0])


def _has_ended(signals: socket.socket, seconds: float) -> bool:
    """Wait for the end of the block; another signal ends the wait too."""
    signals.settimeout(seconds)
    try:
        return not signals.recv(1)
    except TimeoutError:
        return False


@contextmanager
def exiting_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: by an exception, with the shell's exit code."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
