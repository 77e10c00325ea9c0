"""The Typer application, and what its commands share: project and servers.

Modules that take long to import (pydantic, psycopg2) are imported by the command that needs them:
`tidemark --help` must not wait for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidemark.declare.project import Project
    from tidemark.model import Channels, ServerName
    from tidemark.postgres.sessions import Servers

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="tidemark",
    help="A PostgreSQL warehouse that keeps history.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=HELP_OPTIONS,
    epilog="Exit codes: 0 done, 1 a problem was found, 2 usage, 3 configuration, 4 no server, "
    "5 schema, 6 no safe window, 7 locked, 8 refused by a quality gate, 9 refused by PostgreSQL, "
    "10 not well, "
    "130 interrupted, 143 terminated.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
AreaName = Annotated[
    str | None,
    typer.Argument(
        metavar="AREA", help="Area; may be left out if there is only one, or a default one."
    ),
]


@app.callback(invoke_without_command=True)
def show_help(context: typer.Context) -> None:
    """Show the help when no command is given."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def find_project() -> Project:
    """Find the project that the working folder belongs to, and begin the log that it asks for."""
    from tidemark.cli import telling
    from tidemark.declare import project

    found = project.find_project()
    telling.begin(found.home)
    return found


@contextmanager
def open_servers(
    project: Project, needed: Sequence[ServerName] | None = None, *, is_watching: bool = False
) -> Iterator[Servers]:
    """Open the project's servers for the block, all or those that are needed.

    Embedded ones are started where they do not run.

    Who is watching needs no more than the DWH, and the rights of tidemark_monitor.
    """
    from tidemark.install import servers
    from tidemark.postgres import interrupts

    with (
        nullcontext() if is_watching else servers.explaining(project),
        servers.watched(project) if is_watching else servers.resolve(project, needed) as opened,
        interrupts.cancelling(),
        interrupts.exiting_on_sigterm(),
    ):
        yield opened


def alert_channels(project: Project) -> Channels | None:
    """Return where the project's alerts go; None: nobody is told."""
    import os

    from tidemark.install import servers

    return servers.configured_channels(project, os.environ)
