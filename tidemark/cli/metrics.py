"""The command for a monitoring system: metrics."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tidemark.cli.app import find_project, open_servers
from tidemark.errors import TidemarkError, UsageError


def metrics(
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Replace this file as a whole, and print nothing."),
    ] = None,
) -> None:
    """Print how all areas are, for Prometheus: freshness, batches, rows, checks, rejects.

    The login needs no more rights than those of tidemark_monitor.
    Example: tidemark metrics --output /var/lib/node_exporter/tidemark.prom
    """
    from tidemark.observe import metrics as reader

    try:
        project = find_project()
        areas = [*project.areas.values()]
        with open_servers(project, is_watching=True) as opened:
            found = reader.read(opened, areas)
    except TidemarkError:
        # An old file would say for ever that all is as it was.
        if output:
            _replace(output, reader.text(reader.DOWN))
        raise
    if output:
        _replace(output, reader.text(found))
    else:
        typer.echo(reader.text(found), nl=False)


def _replace(path: Path, text: str) -> None:
    """Write a file beside it, and give it the name: nobody reads half of one."""
    try:
        file, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                opened.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"metrics: --output: {path} can't be written: {error.strerror}. Name a file in a "
            "folder that this user may write to."
        ) from error


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(metrics)
