"""The command line: `tidemark …`. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys

import typer

from tidemark.cli import batches, servers
from tidemark.cli import demo as demonstration
from tidemark.cli.app import app
from tidemark.errors import TidemarkError

__all__ = ["app", "main"]

for module in (servers, batches, demonstration):
    module.register(app)


def main() -> None:
    """Run a command; one of our errors is one line on stderr and its own exit code."""
    try:
        app()
    except TidemarkError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # The reader went away, as `head` does; nothing is lost.
        sys.exit(0)
