"""The servers' logs: opened by this process, so that a server can add to its log and no more."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import IO

_LINES = 10
_BYTES = 1 << 16

# `%m [%p] LOG:  …`. What else there is may quote a statement with its values.
_OWN = re.compile(r"^\S+ \S+ \S+ \[\d+\] (LOG|WARNING|FATAL|PANIC|HINT):")


def opened(path: Path) -> IO[bytes]:
    """Open a log at its end. The folder belongs to this process's user; a file in it need not."""
    if os.path.lexists(path) and not _is_ours(path.lstat()):
        path.unlink()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "rb+", buffering=0)


def _is_ours(found: os.stat_result) -> bool:
    is_only_name = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    return is_only_name and found.st_uid == os.geteuid()


def end(log: IO[bytes], start: int = 0) -> list[str]:
    """Return the last lines of what was written from `start` on."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(start, size - _BYTES))
    return log.read().decode("utf-8", "replace").splitlines()[-_LINES:]


def own_end(path: Path) -> list[str]:
    """Return the last lines that a server wrote on its own behalf, and not on a statement's."""
    if not path.is_file() or not _is_ours(path.lstat()):
        return []
    with path.open("rb") as log:
        return [line for line in end(log) if _OWN.match(line)]


def quoted(path: Path, lines: list[str]) -> str:
    """Say how a log ends."""
    return f"{path} ends:\n" + "\n".join(lines) if lines else f"{path} says nothing."
