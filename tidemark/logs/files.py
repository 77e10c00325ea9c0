"""A log file that several processes write and rotate at once.

Each line is one `write` to a file that is open for appending, so lines of two processes never mix,
and no process waits for another one. Who finds the file full takes a lock on it and renames it. Who
does not get the lock goes on writing to the file that is being renamed, and finds the new one at
its next line. The lock is on the open file, so that it ends with its process. `RotatingFileHandler`
of the standard library would rename files that others still write, and lose what they hold.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 10 * 1024 * 1024
"""A line that would make the file larger begins a new one."""
KEPT = 5
"""So many older files stay: `tidemark.log.1` is the newest."""


class RotatedFile(logging.Handler):
    """Appends lines to a file, and renames it when it is full."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Open the file. Its folder is made if that is all that is missing.

        Raises:
            OSError: it can't be written.
        """
        super().__init__()
        self.path = path
        self._most_bytes = most_bytes
        self._has_failed = False
        with suppress(FileExistsError):
            path.parent.mkdir()
        self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line. A disk that is full stops no batch: stderr says it, once."""
        line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        try:
            self._make_room(len(line))
            os.write(self._file, line)
        except OSError as error:
            if not self._has_failed:
                sys.stderr.write(f"warning: {self.path}: can't be written: {error.strerror}.\n")
            self._has_failed = True

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            os.close(self._file)
        super().close()

    def _open(self) -> None:
        self._file = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666
        )
        self._process = os.getpid()

    def _reopen(self) -> None:
        before = self._file
        self._open()
        os.close(before)

    def _make_room(self, length: int) -> None:
        # A lock is shared by the processes that have inherited the open file.
        if self._process != os.getpid() or not self._is_at_its_place():
            self._reopen()
        size = os.fstat(self._file).st_size
        if size and size + length > self._most_bytes:
            self._rotate()

    def _is_at_its_place(self) -> bool:
        """Whether nobody has renamed or deleted the file since it was opened."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if self._is_at_its_place():
            for number in range(KEPT - 1, 0, -1):
                with suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self.path.replace(self._numbered(1))
        self._reopen()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
