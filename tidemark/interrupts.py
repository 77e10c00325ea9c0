"""Signals that end a command: what runs on the servers is cancelled, and nothing is tried again.

Python handles a signal between two of its own instructions, and libpq waits inside of one for the
end of a statement. So a thread of its own watches for signals. For the main thread of a process.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tidemark import db

arrived = threading.Event()
"""Whether a signal has come in the last `cancelling` block."""


@contextmanager
def cancelling() -> Iterator[None]:
    """Let a signal (Ctrl-C, an orchestrator's SIGTERM) cancel what runs on the servers."""
    arrived.clear()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def watch() -> None:
        while ours.recv(1):
            arrived.set()
            db.cancel_all()

    watcher = threading.Thread(target=watch, name="tidemark-interrupt", daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        theirs.close()
        watcher.join()
        ours.close()


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
