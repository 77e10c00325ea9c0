"""The command that begins an area: init."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import batches, servers
from tidemark.errors import UsageError
from tidemark.model import dsn_variable

if TYPE_CHECKING:
    from tidemark.install.init import Written


def init(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="libpq URL of the database. No file gets it.")
    ],
    *,
    area: Annotated[
        str | None, typer.Option(metavar="NAME", help="The area; by default the database's name.")
    ] = None,
    schema: Annotated[
        list[str] | None,
        typer.Option(metavar="SCHEMA", help="Only tables of this schema. May be repeated."),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE", help="Only this table; * is any text. May be repeated."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE", help="Not this table; * is any text. May be repeated."),
    ] = None,
    add: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Add this table to an area that is there.")
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Then migrate, and run the first batch.")
    ] = False,
) -> None:
    """Write an area for a PostgreSQL database, by what its catalog tells. Nothing is written there.

    Example: tidemark init postgresql://reader@db.example.com/shop
    """
    from tidemark.install import init as beginning

    scope = beginning.Scope(schema or (), include or (), exclude or ())
    if add is not None and scope != beginning.Scope((), (), ()):
        raise UsageError("init: --add names one table, so --schema, --include, --exclude don't go.")
    home = beginning.home()
    if add is None:
        written = beginning.new(home, url, area, scope)
    else:
        written = beginning.add(home, url, area, add)
    _show(written)
    if run:
        typer.echo()
        os.environ[dsn_variable(written.source)] = url
        servers.migrate()
        batches.run(written.area)
    else:
        _show_next_steps(written, url)


def _show(written: Written) -> None:
    typer.echo(
        f"{written.area}: {written.dimensions} dimensions and {written.facts} facts, in "
        f"{', '.join(written.files)}. Each guess there has its reason beside it."
    )
    _list("Left out", written.left_out)
    _list("What the catalog does not say", written.unknown)
    _list("What the source lacks", written.lacking)


def _list(title: str, lines: tuple[str, ...]) -> None:
    if lines:
        typer.echo("\n".join([f"\n{title}", "", *(f"  {line}" for line in lines)]))


def _show_next_steps(written: Written, url: str) -> None:
    from tidemark.postgres import driver_errors

    shown = driver_errors.without_secrets(url, written.source)
    hint = "" if shown == url else "  # and its password"
    typer.echo("\nGo on with\n")
    typer.echo(f"  export {dsn_variable(written.source)}={shlex.quote(shown)}{hint}")
    typer.echo("  tidemark migrate")
    typer.echo(f"  tidemark run {written.area}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)
