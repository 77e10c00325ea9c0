"""A menu in the terminal: a layer, one of its tables, a filter, and then pages of rows.

It reads lines and prints lines, so that it works in every terminal. Each page is a question of its
own: while a person reads, nothing is open on the server.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from tidemark.cli.app import open_servers
from tidemark.cli.output import Listing, printable, show, table, written_table
from tidemark.errors import TidemarkError, UsageError, did_you_mean

if TYPE_CHECKING:
    from tidemark.declare.entity import Entity
    from tidemark.declare.project import Project
    from tidemark.model import ServerName
    from tidemark.observe.browse import Found, Page, Shape
    from tidemark.postgres.sessions import Servers

_LISTED = 40
"""Tables that are shown at once."""
_AROUND = 9
"""Lines of a terminal that a page of rows leaves to what stands around it."""
_FEWEST, _MOST = 5, 50
"""Rows of a page."""

_FILTER = "Filter, such as city=Oslo or quantity > 5; none for all rows: "
_PAGE = "[Enter] or n next, p previous, f filter, h KEY history, b back, q quit: "


class _Left(Exception):  # noqa: N818
    """The person leaves."""


class _Back(Exception):  # noqa: N818
    """The person goes back to the question before."""


@dataclass(slots=True)
class _Menu:
    project: Project
    servers: Servers
    seconds: float
    layer: ServerName | None
    """The layer that the command names."""


def run(project: Project, layer: ServerName | None, *, seconds: float) -> None:
    """Show the menu until the person leaves.

    Raises:
        UsageError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "query: the menu needs a terminal. Type a layer and SQL: "
            f'`tidemark query {layer or "dwh"} "select …"`.'
        )
    with open_servers(project) as opened:
        try:
            _layers(_Menu(project, opened, seconds, layer))
        except (_Left, _Back):
            return


def _layers(menu: _Menu) -> None:
    names = menu.project.servers
    while True:
        layer = menu.layer or names[_choice("Layer", names, [[name] for name in names])]
        try:
            _tables(menu, layer)
        except _Back:
            if menu.layer:
                return


def _tables(menu: _Menu, layer: ServerName) -> None:
    from tidemark.observe import browse

    while True:
        try:
            found = browse.tables(menu.servers, layer, seconds=menu.seconds)
        except TidemarkError as error:
            _tell(error)
            raise (_Left if menu.layer else _Back) from None
        if not found:
            typer.echo(f"{layer}: there is no table that may be read. Run `tidemark migrate`.")
            raise _Back
        shown = [[one.label, one.kind, one.rows] for one in found]
        chosen = found[_choice(f"Table of {layer}", [one.label for one in found], shown)]
        try:
            _rows(menu, chosen)
        except _Back:
            continue


def _rows(menu: _Menu, chosen: Found) -> None:
    """Ask for filters, and show the pages of each."""
    from tidemark.observe import browse

    try:
        shape = browse.columns(menu.servers, chosen, seconds=menu.seconds)
    except TidemarkError as error:
        _tell(error)
        return
    typer.echo("")
    show(f"{printable(chosen.label)}: {printable(', '.join(shape.columns))}")
    while True:
        pages = _Pages(menu, chosen, shape, _asked(_FILTER))
        if pages.show():
            with suppress(_Back):
                while _go_on(pages):
                    pass


@dataclass(slots=True)
class _Pages:
    """The rows of a table that a filter leaves, and which of them are shown."""

    menu: _Menu
    chosen: Found
    shape: Shape
    condition: str
    starts: list[int] = field(default_factory=lambda: [0])
    """How many rows come before each page, up to the one that is shown."""
    page: Page | None = None

    def show(self) -> bool:
        """Show a page; False: its filter is wrong, or the server away, and that was told."""
        from tidemark.observe import browse

        size = shutil.get_terminal_size()
        rows, skipped = min(max(size.lines - _AROUND, _FEWEST), _MOST), self.starts[-1]
        of = (self.menu.servers, self.chosen, self.shape, self.condition)
        try:
            page = browse.page(*of, skipped=skipped, rows=rows, seconds=self.menu.seconds)
        except TidemarkError as error:
            _tell(error)
            return False
        self.page = page = page.first(_listing("", page).at_once(size.columns))
        name, until = printable(self.chosen.label), skipped + len(page.rows)
        more = "there are more" if page.has_more else "the last"
        if page.rows:
            show(_listing(f"{name}: rows {skipped + 1:,} to {until:,}, {more}", page))
        else:
            typer.echo(f"{name}: no rows")
        return True

    def turn(self) -> None:
        """Show the next page."""
        if self.page is None or not self.page.has_more:
            typer.echo("There are no more rows.")
            return
        self.starts.append(self.starts[-1] + len(self.page.rows))
        if not self.show():
            self.starts.pop()

    def turn_back(self) -> None:
        """Show the page before."""
        if len(self.starts) == 1:
            typer.echo("This is the first page.")
            return
        left = self.starts.pop()
        if not self.show():
            self.starts.append(left)


def _go_on(pages: _Pages) -> bool:
    """Do what the person says below a page; False: another filter is wanted."""
    typer.echo("")
    word, _, rest = _asked(_PAGE).partition(" ")
    if word in ("", "n"):
        pages.turn()
    elif word == "p":
        pages.turn_back()
    elif word == "h":
        _history(pages.menu, pages.chosen, rest)
    elif word != "f":
        typer.echo(f"{printable(word)!r} is none of these.")
    return word != "f"


def _listing(title: str, page: Page) -> Listing:
    return written_table(title, page.columns, page.rows)


def _history(menu: _Menu, chosen: Found, words: str) -> None:
    """Show the versions of a natural key, where the rows are a dimension's."""
    from tidemark.cli.batches import history_table
    from tidemark.observe import browse, history

    found = browse.dimension(menu.project, chosen)
    if found is None:
        typer.echo(f"{chosen.label}: only a dimension has a history.")
        return
    area, entity = found
    try:
        key = _key(entity, words)
        versions = history.read(menu.servers, area, entity, key)
    except _Back:
        return
    except TidemarkError as error:
        _tell(error)
        return
    title = f"{versions.table}, key {' '.join(key)}"
    if versions.versions:
        show(history_table(printable(title), versions))
    else:
        typer.echo(f"{title}: no version has it.")


def _key(entity: Entity, words: str) -> list[str]:
    """Read a key, as the words of a command are read."""
    given = words or _asked(f"Key ({', '.join(entity.key)}): ")
    try:
        return shlex.split(given)
    except ValueError as error:
        raise UsageError(f"history: {given!r} can't be read: {error}. Close the quotes.") from None


def _choice(title: str, names: Sequence[str], shown: Sequence[Sequence[object]]) -> int:
    """Let the person choose by number, by name or by a part of it; returns the place."""
    part = ""
    while True:
        places = [at for at, name in enumerate(names) if part in name.lower()]
        typer.echo("")
        show(_numbered(title, places, shown))
        answer = _asked("Number or name; b back, q quit: ")
        if answer in (numbers := [f"{at + 1}" for at in range(len(names))]):
            return numbers.index(answer)
        part = answer.lower()
        fitting = [at for at, name in enumerate(names) if part in name.lower()]
        exact = [at for at in fitting if names[at].lower() == part]
        if len(found := exact or fitting) == 1:
            return found[0]
        if not fitting:
            hint = did_you_mean(answer, names)
            typer.echo(f"{printable(answer)!r}: there is none of this name. {hint}".rstrip())
            part = ""


def _numbered(title: str, places: Sequence[int], shown: Sequence[Sequence[object]]) -> Listing:
    rows = [[f"{at + 1}", *shown[at]] for at in places[:_LISTED]]
    more = len(places) - len(rows)
    end = f" ({more} more: type a part of the name)" if more else ""
    return table(f"{title}{end}", ["", *["name", "kind", "rows, about"][: len(shown[0])]], rows)


def _asked(prompt: str) -> str:
    """Ask for a line.

    Raises:
        _Left: the person leaves, by q or by the end of what is typed (Ctrl-D).
        _Back: the person goes back.
    """
    typer.echo(prompt, nl=False)
    line = sys.stdin.buffer.readline().decode("utf-8", "replace")
    if not line:
        typer.echo("")
        raise _Left
    answer = line.strip()
    if answer == "q":
        raise _Left
    if answer == "b":
        raise _Back
    return answer


def _tell(error: TidemarkError) -> None:
    typer.echo(f"error: {printable(str(error))}")
