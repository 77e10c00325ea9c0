"""The command that asks a server: query. Alone, in a terminal, it is a menu."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli import menu
from tidemark.cli.app import AsJson, find_project, open_servers
from tidemark.cli.output import printable, show, written_table
from tidemark.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from tidemark.observe.query import Answer
    from tidemark.postgres.written import Written

_SHOWN = 100
"""Rows that a table shows unless it is told how many. CSV and JSON have all."""
_AT_ONCE = 500
"""Rows that are in memory, where they need not be all."""
_LONGEST = 86400


def query(
    layer: Annotated[
        str | None,
        typer.Argument(metavar="LAYER", help="mrr, stg, dwh, or a source; none: a menu."),
    ] = None,
    sql: Annotated[
        str | None, typer.Argument(metavar="SQL", help="One statement; - reads it from stdin.")
    ] = None,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (RFC 4180).")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="ROWS",
            help=f"Print so many rows at most: {_SHOWN} in a table, all as CSV or JSON.",
        ),
    ] = None,
    timeout: Annotated[
        int,
        typer.Option(
            min=1, max=_LONGEST, metavar="SECONDS", help="So long the server may work on it."
        ),
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Ask a layer with SQL that can only read; alone, in a terminal, a menu of what is there.

    Example: tidemark query dwh "select * from vw_sales"
    """
    if as_csv and as_json:
        raise UsageError("query: --csv and --json exclude each other. Leave one out.")
    project = find_project()
    if layer is not None and layer not in project.servers:
        raise UnknownNameError("layer or source", layer, project.servers)
    if layer is None or sql is None:
        menu.run(project, layer, seconds=timeout)
        return
    from tidemark.observe import query as asker

    text = _from_stdin() if sql == "-" else sql
    if not text.strip():
        raise UsageError("query: the SQL is empty. Give one statement.")
    with (
        open_servers(project) as opened,
        asker.asking(opened, layer, seconds=timeout) as asking,
        asking.ask(text) as answer,
    ):
        if as_csv:
            _print_csv(answer, limit)
        elif as_json:
            _print_json(answer, limit)
        else:
            _print_table(layer, answer, limit or _SHOWN)


def _from_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("query: what stdin brings is no UTF-8 text. Convert it.") from error


def _print_table(layer: str, answer: Answer, limit: int) -> None:
    rows = answer.take(limit + 1)
    shown = rows[:limit]
    if rows:
        count = f"{len(shown):,} {'row' if len(shown) == 1 else 'rows'}"
        show(written_table(f"{layer}: {count}", answer.columns, shown))
    else:
        typer.echo(f"{layer}: no rows of {', '.join(map(printable, answer.columns))}")
    if len(rows) > limit:
        what = "row is" if limit == 1 else f"{limit:,} rows are"
        typer.echo(f"\nOnly the first {what} shown; there are more. `--limit` says how many.")


def _print_csv(answer: Answer, limit: int | None) -> None:
    _write(_csv_lines([answer.columns]))
    for rows in _parts(answer, limit):
        _write(_csv_lines(rows))


def _csv_lines(rows: Sequence[Sequence[str | None]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _print_json(answer: Answer, limit: int | None) -> None:
    from tidemark.postgres import written

    if twice := [name for name in answer.columns if answer.columns.count(name) > 1]:
        raise UsageError(
            f"query: {len(twice)} columns are called {twice[0]!r}, and a JSON object has one of "
            "each name. Name them by `as`."
        )
    before = "["
    for rows in _parts(answer, limit):
        objects = (written.json_object(answer.columns, answer.types, row) for row in rows)
        _write(f"{before}\n  " + ",\n  ".join(objects))
        before = ","
    _write("[]\n" if before == "[" else "\n]\n")


def _parts(answer: Answer, limit: int | None) -> Iterator[list[Written]]:
    """Yield the rows in parts; say in the end on stderr if there are more than were wanted."""
    left = limit
    while rows := answer.take(_AT_ONCE if left is None else min(_AT_ONCE, left + 1)):
        wanted = list(islice(rows, left))
        if wanted:
            yield wanted
        if left is not None and len(rows) > left:
            typer.echo(f"note: only the first {limit:,} rows; there are more.", err=True)
            return
        left = None if left is None else left - len(rows)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(query)
