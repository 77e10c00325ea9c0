"""The files on disk: one for each hour in which the collector wrote, and late ones beside it.

A file of events that come late lies in the folder of their own hour. Its name says how many days
later it was written: `events_late_002.json.gz`.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from . import lines

FOLDER = "raw-events"
LATE = (1, 2, 5)
"""By how many days files come late."""
REMEMBERED = 3
"""How many days after the file of an order's event another event may follow from it."""
LEVEL = 4
"""Of compression: most of what the best one saves, in a third of its time."""


@dataclass(frozen=True, slots=True)
class File:
    """What the collector wrote in an hour."""

    on: date
    hour: int
    lines: Sequence[str]
    late: int = 0
    """How many days later the file was written."""

    @property
    def path(self) -> str:
        """Return where it is, below the folder of the source."""
        return f"{_folder(self.on)}/{self.hour:02}/{_name(self.late)}"


def last_day(folder: Path) -> date | None:
    """Return the last day of which there are files, or None."""
    found = (path.parent for path in folder.glob(f"{FOLDER}/*/*/*/*/{_name(0)}"))
    days = ("-".join(hour.parts[-4:-1]) for hour in found)
    return date.fromisoformat(last) if (last := max(days, default=None)) else None


def write(
    folder: Path, made: Iterable[File], progress: Callable[[str, int, int], None], *, days: int
) -> dict[str, int]:
    """Write the files of so many days, and return how many files and lines there are.

    A file gets its name when all of them are whole: no reader sees half of one.
    """
    written: dict[Path, Path] = {}
    begun: set[date] = set()
    count = 0
    for file in made:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        written[path] = path.with_suffix(".writing")
        text = "".join(f"{line}\n" for line in file.lines)
        written[path].write_bytes(gzip.compress(text.encode("utf-8"), LEVEL, mtime=0))
        count += len(file.lines)
        begun.add(file.on + timedelta(days=file.late))
        progress("days", len(begun) - 1, days)
    for path, hidden in written.items():
        hidden.replace(path)
    progress("days", days, days)
    return {"files": len(written), "lines": count}


def orders(folder: Path, last: date) -> Iterator[tuple[str, date]]:
    """Yield the lines of good events of orders, each with the day on which its file was written.

    Only of the last days: nothing follows from older ones.
    """
    for on in (last - timedelta(days=back) for back in range(REMEMBERED)):
        for late in (0, *LATE):
            for path in folder.glob(f"{_folder(on - timedelta(days=late))}/*/{_name(late)}"):
                yield from ((line, on) for line in filter(lines.is_of_order, read(path)))


def read(path: Path) -> list[str]:
    """Return the lines of a file."""
    return gzip.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")


def _folder(on: date) -> str:
    return f"{FOLDER}/{on:%Y/%m/%d}"


def _name(late: int) -> str:
    return f"events_late_{late:03}.json.gz" if late else "events_001.json.gz"
