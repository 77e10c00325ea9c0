"""Commands that show the product on sample data: seed, demo."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tidemark.cli import console
from tidemark.cli.app import HELP_OPTIONS, find_project, open_servers
from tidemark.cli.batches import history_table, run_batch, show_batch
from tidemark.cli.output import progress_bars, show, table
from tidemark.cli.status_tables import rejects_table
from tidemark.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from tidemark.declare.config import Area
    from tidemark.declare.project import Project
    from tidemark.install.sample import Seed
    from tidemark.postgres.sessions import Servers
    from tidemark.results import HopResult

_THERE = {
    "postgres": "the tables hold rows",
    "files": "there are drops",
    "events": "there are events",
}
"""What `--once` finds, by the kind of source."""


def seed(context: typer.Context) -> None:
    """Fill the sample applications with data, or play one more business day (--day).

    Without an AREA, those of all areas that have the options that are given.
    Example: tidemark seed --customers 10000 --sales 200000 && tidemark seed --day
    """
    from tidemark.install import sample

    project, words = find_project(), list(context.args)
    is_named = words and not words[0].startswith("-")
    areas = sample.areas(project, words.pop(0) if is_named else None)
    commands = {area.area: _seeding(project, area) for area in areas}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    fitting = [name for name, command in commands.items() if given <= _options(command)]
    for name in fitting or [areas[0].area]:
        if len(fitting) > 1:
            commands[name] = _seeding(project, project.area(name), title=name)
        code = commands[name](words, prog_name="tidemark seed", standalone_mode=False)
        if code:
            raise typer.Exit(code)


def _seeding(project: Project, area: Area, *, title: str = "") -> typer.Typer:
    """Make the command that seeds one area: its options are those of the area's seeder."""
    from tidemark.install import sample

    seeder = sample.seeder(project, area)

    def run(once: bool, options: dict[str, Any]) -> None:
        done = _seeded(project, area, seeder, once, options)
        if title:
            typer.echo(title)
        if done is None:
            typer.echo(f"nothing to do: {_THERE[area.source.kind]}")
        for what, count in (done or {}).items():
            typer.echo(f"{what:24} {count:>12,}")

    command = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    command.command(epilog="Example: tidemark seed --day", context_settings=HELP_OPTIONS)(
        sample.as_command(seeder, run)
    )
    return command


def _options(command: typer.Typer) -> set[str]:
    """Return how the options of a command are written."""
    from typer.main import get_command

    options = get_command(command).params
    written = {word for option in options for word in (*option.opts, *option.secondary_opts)}
    return written | {*HELP_OPTIONS["help_option_names"]}


def _seeded(
    project: Project, area: Area, seeder: Seed, once: bool, options: dict[str, Any]
) -> dict[str, int] | None:
    """Seed an area, and return what was done; None: with `once`, and there are rows."""
    from tidemark.install import foreign, sample

    if area.has_files:
        if once and sample.has_files(project, area):
            return None
        with progress_bars() as progress:
            target = sample.folder(project, area)
            return sample.drop(seeder, target, area.source.name, progress, **options)
    with open_servers(project) as opened, progress_bars() as progress:
        if area.database:
            foreign.refuse_unmade(project, opened, area)
        is_filled, fill = _target(project, opened, area, seeder)
        if once and is_filled():
            return None
        if area.database:
            foreign.refuse_others(project, opened, area.source.name)
        return fill(progress, **options)


def _target(
    project: Project, opened: Servers, area: Area, seeder: Seed
) -> tuple[Callable[[], bool], Seed]:
    """Return whether there is something where a seeder's rows go, and what puts them there."""
    from tidemark.install import sample
    from tidemark.observe import status

    name = area.source.name
    if area.database:
        return (
            lambda: any(status.source_rows(opened, area).values()),
            partial(sample.call, seeder, opened.dsns[name], name),
        )
    if area.has_inbox:
        return partial(sample.has_events, opened, area), partial(sample.post, seeder, opened, area)
    return (
        partial(sample.has_files, project, area),
        partial(sample.drop, seeder, sample.folder(project, area), name),
    )


def demo() -> None:
    """Show everything at work: servers, schema, data, a batch, a business day, a second batch.

    Example: tidemark demo
    """
    from tidemark.install import migrate, sample, servers

    project = find_project()
    if servers.embedded_names(project) != project.servers:
        raise UsageError(
            "demo: TIDEMARK_*_DSN is set, and the demo only writes into embedded servers. "
            "Unset the variables, or use seed and run."
        )
    seeders = {area.area: sample.seeder(project, area) for area in sample.areas(project)}
    start = time.monotonic()
    with _step("PostgreSQL servers"):
        opened = servers.resolve(project)
    with servers.explaining(project), opened:
        with _step("schema"):
            migrate.migrate(project, opened)
        areas = {name: project.area(name) for name in seeders}
        batches = {
            name: _play(project, opened, areas[name], seeder) for name, seeder in seeders.items()
        }
        # A person goes on with the default area, which is the first: that is shown last.
        for name in reversed(areas):
            _summary(opened, areas[name], batches[name])
    typer.echo(f"\nAll of it took {time.monotonic() - start:.0f} s. Go on with:")
    typer.echo("\n".join(_next_steps(project.home)))
    if sys.stdin.isatty() and sys.stdout.isatty():
        _show_console(project)


def _show_console(project: Project) -> None:
    """Let a person look at what was loaded, until Ctrl-C; or say what that needs."""
    from tidemark.api import serving
    from tidemark.console import exposure

    try:
        serving.refuse_without_extra("console")
    except ConfigError as error:
        typer.echo(str(error))
        return
    typer.echo("Or look at it, as postgres with the password of `tidemark dsn dwh --password`.")
    where = exposure.of("127.0.0.1")
    try:
        console.serve(project, where, console.PORT)
    except UsageError:  # Another one has the port, that of a second checkout perhaps.
        console.serve(project, where, 0)


def _play(project: Project, opened: Servers, area: Area, seeder: Seed) -> list[list[HopResult]]:
    """Seed an empty source, run a batch, play a business day, run another; return the batches."""
    is_filled, fill = _target(project, opened, area, seeder)
    if not is_filled():
        with _step(f"{area.area}: sample data"), progress_bars() as progress:
            fill(progress)
    with _step(f"{area.area}: first batch"):
        first = run_batch(opened, area)
    with _step(f"{area.area}: a business day"), progress_bars() as progress:
        fill(progress, day=True)
    with _step(f"{area.area}: second batch"):
        return [first, run_batch(opened, area)]


def _summary(opened: Servers, area: Area, batches: list[list[HopResult]]) -> None:
    """Show what a person wants to see after the batches."""
    from dataclasses import astuple

    from tidemark.observe import status

    for batch in batches:
        show_batch(area.area, batch)
        typer.echo()
    show(
        table(
            "Rows per layer (dwh: versions of a dimension, rows of a fact)",
            ("entity", area.source.name, "mrr", "stg", "rejected", "dwh"),
            (astuple(rows) for rows in status.layer_rows(opened, area)),
        ),
        rejects_table(status.read(opened, area).rejects),
    )
    _show_one_history(opened, area)


def _show_one_history(opened: Servers, area: Area) -> None:
    """Show the key with the most versions of the area's first dimension."""
    from tidemark.observe import history

    entity = area.dimensions[0]
    key = history.most_changed(opened, entity)
    if key is None:
        return
    found = history.read(opened, area, entity, key)
    title = f"The versions of {entity.name} {' '.join(key)}, and the facts that point at each"
    show("", history_table(title, found))


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say on stderr what was done, and how long it took; silent if stderr is no terminal."""
    start = time.monotonic()
    yield
    if sys.stderr.isatty():
        typer.echo(f"{what:28} {time.monotonic() - start:6.1f} s", err=True)


def _next_steps(home: Path) -> list[str]:
    """Commands to go on with, as the shell that called this one can run them."""
    here = Path.cwd()
    steps = [] if here.is_relative_to(home) else [f"cd {shlex.quote(str(home))}"]
    script = Path(sys.executable).with_name("tidemark")
    base = home if steps else here
    near = script.relative_to(base) if script.is_relative_to(base) else script
    tidemark = "tidemark" if shutil.which("tidemark") == str(script) else shlex.quote(str(near))
    steps += [
        f"{tidemark} psql dwh",
        f"{tidemark} seed --day && {tidemark} run",
        f"{tidemark} console",
        f"{tidemark} down",
    ]
    return [f"  {step}" for step in steps]


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
