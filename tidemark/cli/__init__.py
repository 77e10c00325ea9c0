"""The command line: `tidemark …`. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import atexit
import copy
import gc
import os
import sys

import typer

from tidemark.cli import (
    alerts,
    batches,
    beginning,
    checks,
    console,
    metrics,
    query,
    queue,
    servers,
    service,
    telling,
    trust,
    working,
)
from tidemark.cli import demo as demonstration
from tidemark.cli.app import app
from tidemark.errors import TidemarkError

__all__ = ["app", "main", "with_one_command"]

_ALLOCATIONS = 200_000
"""How many objects more than were freed are made before garbage is looked for."""

for module in (
    *(beginning, servers, batches, working, service, console, queue, query),
    *(checks, alerts, metrics, trust, demonstration),
):
    module.register(app)


def main() -> None:
    """Run a command; an error is one line on stderr and an exit code of its own."""
    # Saves 40 ms of collecting garbage while modules are imported, whose objects all stay; 40 ms at
    # the end, which frees nothing that the end of the process does not free; and 15 ms of looking
    # for plugins of pydantic in every installed package.
    gc.set_threshold(_ALLOCATIONS)
    atexit.register(gc.freeze)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = with_one_command(sys.argv[1:2])(prog_name="tidemark", standalone_mode=False)
        telling.ended(code)
    except TidemarkError as error:
        code = error.exit_code
        telling.error(str(error), code, error)
    except typer.TyperException as error:
        code = error.exit_code
        telling.error(_usage(error), code, error)
    finally:
        telling.end()
    sys.exit(code)


def with_one_command(words: list[str]) -> typer.Typer:
    """Return the application with the command that is called alone; with all, if there is none.

    Typer reads the parameters of every command that it knows. Those of all of ours take it 30 ms.
    """
    one = copy.copy(app)
    one.registered_commands = [
        command
        for command in app.registered_commands
        if command.callback is not None and words == [command.callback.__name__]
    ]
    one.registered_groups = [group for group in app.registered_groups if words == [group.name]]
    return one if one.registered_commands or one.registered_groups else app


def _usage(error: typer.TyperException) -> str:
    """Say what is wrong with the arguments of a command, and which help explains them."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "tidemark"
    said = " ".join(error.format_message().split())
    end = "" if said.endswith((".", "?")) else "."
    return f"{command}: {said[:1].lower()}{said[1:]}{end} See `{command} --help`."
