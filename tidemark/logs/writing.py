"""Who asks for a log, and where it is written: `TIDEMARK_LOG` and the two variables beside it.

Handlers are put on the logger of the package alone, and records go on to the root logger: an
orchestrator shows them in its own way, once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tidemark.errors import ConfigError
from tidemark.logs import ROOT, files, formats

FORM, LEVEL, FILE = "TIDEMARK_LOG", "TIDEMARK_LOG_LEVEL", "TIDEMARK_LOG_FILE"
LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The log that the environment asks for."""

    form: str
    level: str
    path: Path | None
    """The file; None: stderr."""


def wanted(values: Mapping[str, str], home: Path) -> Wanted | None:
    """Read the variables. A file is relative to the project's folder. None: no variable is set.

    Raises:
        ConfigError: names the variable, and what it may say.
    """
    if not any(values.get(name) for name in (FORM, LEVEL, FILE)):
        return None
    file = values.get(FILE)
    return Wanted(
        _one_of(values, FORM, tuple(formats.FORMATS), "text"),
        _one_of(values, LEVEL, LEVELS, "info"),
        home / Path(file).expanduser() if file else None,
    )


def _one_of(values: Mapping[str, str], name: str, allowed: tuple[str, ...], without: str) -> str:
    value = values.get(name) or without
    if value.lower() not in allowed:
        raise ConfigError(
            f"environment: {name} is {value!r}, and may be {', '.join(allowed[:-1])} or "
            f"{allowed[-1]}."
        )
    return value.lower()


class _Level:
    """The logger's level: the lowest that a block wants, and in the end what it was before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[int] = []
        self._before = logging.NOTSET

    @contextmanager
    def at_most(self, level: int) -> Iterator[None]:
        """Let lines of the level pass for the block. Blocks of two threads end in any order."""
        logger = logging.getLogger(ROOT)
        with self._lock:
            self._before = self._before if self._wanted else logger.level
            self._wanted.append(level)
            logger.setLevel(min(self._wanted))
        try:
            yield
        finally:
            with self._lock:
                self._wanted.remove(level)
                logger.setLevel(min(self._wanted, default=self._before))


_level = _Level()


@contextmanager
def written(log: Wanted | None, *, stream: TextIO | None = None) -> Iterator[None]:
    """Write the lines of the block to the file that is wanted, else to the stream, if there is one.

    Raises:
        ConfigError: the file can't be written.
    """
    if log is None:
        yield
        return
    logger = logging.getLogger(ROOT)
    handler = _handler(log, stream, logger)
    handler.setFormatter(formats.FORMATS[log.form]())
    handler.setLevel(log.level.upper())
    logger.addHandler(handler)
    try:
        with _level.at_most(handler.level):
            yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _handler(log: Wanted, stream: TextIO | None, logger: logging.Logger) -> logging.Handler:
    """Make the handler: one that does nothing, if there is no place or it is written to already."""
    if log.path is None:
        return logging.StreamHandler(stream) if stream else logging.NullHandler()
    if any(isinstance(one, files.RotatedFile) and one.path == log.path for one in logger.handlers):
        return logging.NullHandler()
    try:
        return files.RotatedFile(log.path)
    except OSError as error:
        raise ConfigError(
            f"environment: {FILE}: {log.path} can't be written: {error.strerror}. Let it name a "
            "file that this user may write, in a folder that exists, or unset it."
        ) from error
