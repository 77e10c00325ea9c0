"""Commands that show the product on sample data: seed, demo."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from tidemark.cli.app import find_project, open_servers, show, table, working
from tidemark.cli.batches import MOVED_COLUMNS, rejects_table
from tidemark.errors import UsageError

if TYPE_CHECKING:
    from tidemark.config import Area, Project
    from tidemark.db import Servers
    from tidemark.sample import Progress


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield a callback that draws progress bars on stderr; silent when it is no terminal."""
    if not sys.stderr.isatty():
        yield lambda label, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    tasks: dict[str, TaskID] = {}
    with Bars(console=Console(stderr=True), transient=True) as bars:

        def advance(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield advance


def seed(context: typer.Context) -> None:
    """Fill the sample application with data, or play one more business day (--day).

    Example: tidemark seed --customers 10000 --sales 200000 && tidemark seed --day
    """
    from tidemark import sample

    project = find_project()
    seeder = sample.seeder(project)

    def run(options: dict[str, Any]) -> None:
        with open_servers(project) as opened, progress_bars() as progress:
            done = sample.call(seeder, opened.dsns["operational"], progress, **options)
        for what, count in done.items():
            typer.echo(f"{what:24} {count:>12,}")

    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command(epilog="Example: tidemark seed --day")(sample.as_command(seeder, run))
    command(context.args, prog_name="tidemark seed")


def demo() -> None:
    """Show all of it: servers, schema, data, a first batch, a business day, a second batch.

    Example: tidemark demo
    """
    from tidemark import migrate, servers

    project = find_project()
    if not servers.is_embedded(project):
        raise UsageError(
            "demo: TIDEMARK_*_DSN is set, and the demo only writes into embedded servers. "
            "Unset the variables, or use seed and run."
        )
    start = time.monotonic()
    with _step("four PostgreSQL servers"), open_servers(project) as opened:
        pass
    with open_servers(project) as opened:
        with _step("schema"):
            migrate.migrate(project, opened)
        batches = _play(project, opened)
        _summary(project, opened, batches)
    show(f"All of it took {time.monotonic() - start:.0f} s. Go on with:", *_next_steps())


def _play(project: Project, opened: Servers) -> list[int]:
    """Seed an empty source, run a batch, play a business day, run another; return their ids."""
    from tidemark import pipeline, sample, status

    seeder, dsn, area = sample.seeder(project), opened.dsns["operational"], project.area()
    if not status.has_rows(opened, area):
        with _step("sample data"), progress_bars() as progress:
            sample.call(seeder, dsn, progress)
    batches = []
    with _step("first batch"), working("moving a batch"):
        batches.append(pipeline.run(opened, area).batch_id)
    with _step("a business day"), progress_bars() as progress:
        sample.call(seeder, dsn, progress, day=True)
    with _step("second batch"), working("moving a batch"):
        batches.append(pipeline.run(opened, area).batch_id)
    return batches


def _summary(project: Project, opened: Servers, batches: list[int]) -> None:
    """Show what a person wants to see after the batches."""
    from dataclasses import astuple

    from tidemark import status

    area = project.area()
    found = status.read(opened, area)
    show(
        table(
            "What each batch moved",
            ("batch", *MOVED_COLUMNS),
            (
                (m.batch_id, m.hop, *astuple(m)[2:])
                for m in status.moved(opened, area, batches)
                if m.processed
            ),
        ),
        table(
            "Rows per layer (dwh: versions of a dimension, rows of a fact)",
            ("entity", "operational", "mrr", "stg", "rejected", "dwh"),
            (astuple(rows) for rows in status.layer_rows(opened, area)),
        ),
        rejects_table(found.rejects),
    )
    _show_one_history(opened, area)


def _show_one_history(opened: Servers, area: Area) -> None:
    """Show the key with the most versions of the area's first dimension."""
    from tidemark import history

    entity = area.dimensions[0]
    key = history.most_changed(opened, entity)
    if key is None:
        return
    found = history.read(opened, area, entity, key)
    title = f"The versions of {entity.name} {' '.join(key)}, and the facts that point at each"
    show(table(title, found.essential, found.only(found.essential)))


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say on stderr what is done, and how long it took."""
    start = time.monotonic()
    yield
    typer.echo(f"{what:24} {time.monotonic() - start:6.1f} s", err=True)


def _next_steps() -> list[str]:
    command = sys.argv[0] if os.sep in sys.argv[0] else "tidemark"
    command = shlex.quote(os.path.relpath(command))
    return [
        f'  psql "$({command} dsn dwh)"',
        f"  {command} seed --day && {command} run",
        f"  {command} down",
    ]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        context_settings={
            "ignore_unknown_options": True,
            "allow_extra_args": True,
            "help_option_names": [],
        }
    )(seed)
    app.command()(demo)
