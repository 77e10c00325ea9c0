"""What commands print: tables and JSON on stdout, progress on stderr.

Rich takes longer to import than a run that finds nothing may take, so it is imported when used.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import typer

from tidemark.cli import telling
from tidemark.results import as_json

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.table import Table

    from tidemark.install.sample import ProgressCallback

_WRAPPED = 30
"""The least width of a column with long texts. With less room a table is transposed."""

_PATIENCE = 0.4
"""Seconds before a progress bar appears; Rich takes longer to import than an idle run takes."""

_NOTHING = "·"
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that would move the cursor or turn a text around. A line break stays."""
_NUMBER = re.compile(r"-?[\d,]*\.?\d+")


def print_json(value: object) -> None:
    """Print a result as JSON."""
    typer.echo(as_json(value))


@dataclass(frozen=True)
class Listing:
    """A titled table. If it is too wide for the terminal, it is transposed.

    Then each row is a column. As many of them stand side by side as there is room for.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the tables that the terminal has room for."""
        from rich.text import Text

        yield Text(f"{self.title}: none" if not self.rows else self.title, style="bold")
        rest = [[_cell(value) for value in row] for row in self.rows]
        if rest and _width(self.columns, rest) <= options.max_width:
            yield _table(self.columns, rest)
            return
        while rest:
            count = self._beside(rest, options.max_width)
            yield _table(*self._turned(rest[:count]))
            rest = rest[count:]

    def at_once(self, width: int) -> int:
        """Return how many of the rows, from the first, are in one table of such a width."""
        rows = [[_cell(value) for value in row] for row in self.rows]
        if not rows or _width(self.columns, rows) <= width:
            return len(rows)
        return self._beside(rows, width)

    def _beside(self, rows: list[list[str]], width: int) -> int:
        """Return how many rows stand side by side where the table is transposed."""
        sizes = range(min(len(rows), width), 1, -1)
        return next((n for n in sizes if _width(*self._turned(rows[:n])) <= width), 1)

    def _turned(self, rows: list[list[str]]) -> tuple[Sequence[str], list[list[str]]]:
        first, *others = zip(self.columns, *rows, strict=True)
        return first, [list(other) for other in others]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Listing:
    """Make a table; columns of numbers are aligned to the right."""
    return Listing(title, columns, list(rows))


def written_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]
) -> Listing:
    """Make a table of values as PostgreSQL writes them."""
    return table(title, [printable(name) for name in columns], rows)


def printable(text: str) -> str:
    """Escape what a terminal would take for something else than text."""
    return _UNPRINTABLE.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(found: re.Match[str]) -> str:
    if found[0] in "\t\r":
        return {"\t": "\\t", "\r": "\\r"}[found[0]]
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def show(*parts: Any) -> None:
    """Print tables and text to stdout. In a file or a pipe, lines are as long as they need be."""
    from rich.console import Console

    console = Console(
        # In the text of a value, :heart: is no picture.
        width=None if sys.stdout.isatty() else 10_000,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    typer.echo("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


@contextmanager
def progress_bars() -> Iterator[ProgressCallback]:
    """Yield a callback that draws progress bars on stderr; silent if stderr is no terminal."""
    if telling.is_on_stderr() or not sys.stderr.isatty():
        yield lambda label, done, total: None
        return
    bars = _Bars()
    timer = threading.Timer(_PATIENCE, bars.start)
    timer.daemon = True
    timer.start()
    try:
        yield bars.advance
    finally:
        timer.cancel()
        bars.stop()


class _Bars:
    """Progress bars, one per label. A timer starts them, so that quick work shows none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Bars | None = None
        self._is_over = False

    def start(self) -> None:
        """Draw the bars from now on, unless the work has ended."""
        from rich.console import Console
        from rich.progress import Progress as Bars

        with self._lock:
            if self._is_over:
                return
            self._bars = Bars(console=Console(stderr=True), transient=True)
            self._bars.start()
            for label in self._counts:
                self._draw(self._bars, label)

    def advance(self, label: str, done: int, total: int) -> None:
        """See `ProgressCallback`."""
        with self._lock:
            self._counts[label] = (done, total)
            if self._bars:
                self._draw(self._bars, label)

    def stop(self) -> None:
        """Remove the bars, and start none any more."""
        with self._lock:
            self._is_over = True
            if self._bars:
                self._bars.stop()

    def _draw(self, bars: Bars, label: str) -> None:
        done, total = self._counts[label]
        if label not in self._tasks:
            self._tasks[label] = bars.add_task(label, total=None)
        bars.update(self._tasks[label], completed=done, total=total or None)


def _table(columns: Sequence[str], rows: list[list[str]]) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        justify: Literal["left", "right"] = "right" if _are_numbers(cells) else "left"
        made.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def _are_numbers(cells: Iterable[str]) -> bool:
    given = [cell for cell in cells if cell != _NOTHING]
    return bool(given) and all(map(_NUMBER.fullmatch, given))


def _width(columns: Sequence[str], rows: list[list[str]]) -> int:
    """Columns of the terminal that a table needs when long texts are wrapped."""
    from rich.cells import cell_len

    return sum(
        2 + min(max(map(cell_len, (column, *cells))), _WRAPPED)
        for column, cells in zip(columns, zip(*rows, strict=True), strict=True)
    )


def _cell(value: object) -> str:
    match value:
        case None:
            shown = _NOTHING
        case bool():
            shown = "yes" if value else "no"
        case datetime():
            bounded = value.year in (1900, 9999)
            shown = value.strftime("%Y-%m-%d" if bounded else "%Y-%m-%d %H:%M:%SZ")
        case int():
            shown = f"{value:,}"
        case float():
            shown = f"{value:,.2f}"
        case _:
            shown = printable(str(value))
    return shown
