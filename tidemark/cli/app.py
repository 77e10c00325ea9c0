"""The Typer application, and what its commands share: project, servers, output.

Modules that take long to import (pydantic, psycopg2, Rich's tables) are imported by the command
that needs them: `tidemark --help` must not wait for them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tidemark.config import Project
    from tidemark.db import Servers

app = typer.Typer(
    name="tidemark",
    help="A PostgreSQL warehouse that keeps history.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 error, 2 wrong words, 3 configuration, 4 no server, 5 schema, "
    "6 no safe window, 7 locked, 8 refused by a quality gate, 9 refused by PostgreSQL.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
AreaName = Annotated[
    str | None, typer.Argument(metavar="[AREA]", help="Area; the only one when there is one.")
]


def find_project() -> Project:
    """Find the project that the working folder belongs to."""
    from tidemark import config

    return config.find_project()


@contextmanager
def open_servers(project: Project) -> Iterator[Servers]:
    """Open the project's servers for the block; embedded ones are started when needed."""
    from tidemark import servers

    with servers.resolve(project) as opened:
        yield opened


def print_json(value: Any) -> None:
    """Print a value, dataclasses as objects and instants in ISO 8601."""
    typer.echo(json.dumps(_plain(value), indent=2, default=str))


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Make a table; columns whose values are all numbers are aligned to the right."""
    from rich import box
    from rich.table import Table

    cells = list(rows)
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    made.pad_edge = False
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float | None) for row in cells)
        made.add_column(column, justify="right" if numeric and cells else "left")
    for row in cells:
        made.add_row(*(_cell(value) for value in row))
    return made


def show(*parts: Any) -> None:
    """Print tables and text to stdout; a file or a pipe gets lines as long as they need be."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False)
    for part in parts:
        console.print(part)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on stderr that something long goes on; silent when it is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def _cell(value: object) -> str:
    match value:
        case None:
            shown = "·"
        case bool():
            shown = "yes" if value else "no"
        case datetime():
            bounded = value.year in (1900, 9999)
            shown = value.strftime("%Y-%m-%d" if bounded else "%Y-%m-%d %H:%M:%S")
        case int():
            shown = f"{value:,}"
        case float():
            shown = f"{value:,.2f}"
        case _:
            shown = str(value)
    return shown
