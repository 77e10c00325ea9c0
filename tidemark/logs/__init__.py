"""Loggers that know which area, batch and hop a line is written for. Who writes them: `writing`.

`named` gives a logger of the standard library. A filter on it puts `area`, `batch_id` and `hop` on
each record, so every handler has them: those of Tidemark, of an orchestrator and of a service.

A line never has a value of a row or a password. Messages of Tidemark's errors have none; of other
exceptions a line has the class alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from tidemark.errors import TidemarkError

ROOT = "tidemark"
"""The logger above all others of the package."""

WAITS = "tidemark.waits"
"""The logger that says for whom a run waits. No command prints it otherwise."""

# Where nobody has set up logging, a library says nothing.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Work:
    """What a line is written for; None: for nothing of that kind."""

    area: str | None = None
    batch_id: int | None = None
    hop: str | None = None


_NOTHING = Work()
_mine: ContextVar[list[Work] | None] = ContextVar("tidemark_work", default=None)
_all: dict[int, list[Work]] = {}
"""What the threads of the process work on, each from the outermost to the innermost."""


@contextmanager
def within(area: str, batch_id: int | None = None, hop: str | None = None) -> Iterator[None]:
    """Mark the lines of the block as written for a batch, or a hop of it."""
    stack = _mine.get()
    is_first = stack is None
    if stack is None:
        stack = []
        _all[id(stack)] = stack
    token = _mine.set(stack)
    stack.append(Work(area, batch_id, hop))
    try:
        yield
    finally:
        stack.pop()
        _mine.reset(token)
        if is_first:
            del _all[id(stack)]


def current() -> Work:
    """Return what this thread works on.

    A thread that was started for the work of another one, such as one that streams or one that
    watches connections, does not know it. It works on what the process does, if that is one thing.
    """
    stack = _mine.get()
    if stack is None:
        stacks = list(_all.values())
        stack = stacks[0] if len(stacks) == 1 else []
    return stack[-1] if stack else _NOTHING


def named(name: str) -> logging.Logger:
    """Return the logger of a module."""
    found = logging.getLogger(name)
    if _know not in found.filters:
        found.addFilter(_know)
    return found


def _know(record: logging.LogRecord) -> bool:
    work = current()
    record.area, record.batch_id, record.hop = work.area, work.batch_id, work.hop
    return True


def fields(**values: object) -> dict[str, object]:
    """Return the `extra` of a line: more keys of its JSON. Those that are None are left out."""
    return {"fields": {name: value for name, value in values.items() if value is not None}}


def of_error(error: BaseException) -> dict[str, object]:
    """Return what a line says of an error beside its message: the class and the exit code."""
    return {"error": type(error).__name__, "exit_code": getattr(error, "exit_code", None)}


def said(error: BaseException) -> str:
    """Return the message of an error. What a foreign one says may hold a row, so it is left out."""
    if isinstance(error, TidemarkError):
        return str(error)
    return type(error).__name__ if isinstance(error, Exception) else "interrupted"
