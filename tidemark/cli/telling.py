"""What a person is told on stderr, and what the log gets.

Without a log, stderr has warnings and errors as text. A log that goes to stderr has them as lines
of its own instead, so that each line there can be read by a machine.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

_open = ExitStack()
"""What ends the log."""


def begin(home: Path) -> None:
    """Begin the log that the environment and `.env` ask for.

    Raises:
        ConfigError: they ask for one that is impossible.
    """
    from tidemark import logs
    from tidemark.declare import environment
    from tidemark.logs import writing

    end()
    wanted = writing.wanted(environment.values(home, os.environ), home)
    _open.enter_context(writing.written(wanted, stream=sys.stderr))
    if not is_on_stderr():
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.WARNING)
        logging.getLogger(logs.WAITS).addHandler(handler)
        _open.callback(logging.getLogger(logs.WAITS).removeHandler, handler)


def end() -> None:
    """End the log."""
    _open.close()


def is_on_stderr() -> bool:
    """Whether the log goes to stderr."""
    handlers = logging.getLogger("tidemark").handlers
    return any(isinstance(one, logging.StreamHandler) for one in handlers)


@contextmanager
def speaking() -> Iterator[None]:
    """Write warnings of the block to stderr as lines of a log, unless a log is asked for.

    For what runs until it is told to stop: it can't wait for its end to say what went wrong.
    """
    from tidemark import logs
    from tidemark.logs import formats

    logger = logging.getLogger(logs.ROOT)
    if any(not isinstance(one, logging.NullHandler) for one in logger.handlers):
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(formats.Text())
    handler.addFilter(lambda record: record.name != logs.WAITS)  # which is told in any case
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def warning(text: str) -> None:
    """Print a warning that is in the log as well."""
    if not is_on_stderr():
        typer.echo(f"warning: {text}", err=True)


def error(text: str, code: int, reason: BaseException) -> None:
    """Print the error that ends a command, and put it into the log."""
    from tidemark import logs

    is_told = getattr(reason, "is_logged", False)
    line = f"the command ends with exit code {code}" if is_told else text
    about = {**logs.of_error(reason), "exit_code": code}
    logs.named(__name__).error("%s", line, extra=logs.fields(**about))
    if not is_on_stderr():
        typer.echo(f"error: {text}", err=True)


def ended(code: object) -> None:
    """Put into the log that a command without an error ends with another code than 0."""
    if code:
        from tidemark import logs

        logs.named(__name__).warning(
            "the command ends with exit code %s", code, extra=logs.fields(exit_code=code)
        )
