"""Which files were taken: the content of their positions.

An entity has one position for each file (its item is the path), and one for itself (its item is
empty): what holds for all of its files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from tidemark.model import Position
from tidemark.sources.files.stores import File

Place = tuple[str, ...]
"""Where a file has its place among those of its entity: later files have greater ones."""

Outcome = Literal["taken", "set_aside"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read, or could not be."""

    file: File
    place: Place
    status: Outcome
    rows: int = 0
    refused: int = 0
    checksum: str | None = None
    """The SHA-256 of its bytes; None: it has an etag."""
    reason: str | None = None
    """Why it was set aside."""
    is_late: bool = False
    """Whether a file with a greater place had been taken before."""

    @property
    def position(self) -> dict[str, Any]:
        """The position with this content."""
        told = {
            "size": self.file.size,
            "modified": self.file.modified.isoformat(),
            "etag": self.file.etag,
            "sha256": self.checksum,
            "place": list(self.place),
            "status": self.status,
            "rows": self.rows,
            "refused": self.refused,
            "reason": self.reason,
            "late": self.is_late or None,
        }
        return {key: value for key, value in told.items() if value is not None}


def is_same(position: Position, file: File) -> bool:
    """Whether a position is of the file that is listed, as far as a listing shows it."""
    if file.etag is not None:
        return bool(position.get("etag") == file.etag)
    modified = file.modified.isoformat()
    return bool((position.get("size"), position.get("modified")) == (file.size, modified))


@dataclass(frozen=True, slots=True)
class Whole:
    """A listing of all files, none left out."""

    at: datetime
    """When it began, by the clock of the machine."""
    of: str
    """Where, and of which pattern. It says nothing of other files."""
    files: int
    """How many files it showed, those of others too."""

    @staticmethod
    def read(position: Position) -> Whole | None:
        """Read the last one; None: there was none."""
        at = position.get("whole")
        return Whole(datetime.fromisoformat(at["at"]), at["of"], at["files"]) if at else None

    @property
    def position(self) -> dict[str, Any]:
        """What is kept of it."""
        return {"at": self.at.isoformat(), "of": self.of, "files": self.files}


@dataclass(frozen=True, slots=True)
class Known:
    """What holds for all files of an entity that were taken."""

    files: Mapping[str, Position]
    """Path -> position."""
    columns: Mapping[str, Place] = field(default_factory=dict)
    """Column -> the place of the first file that has it. A later file has to have it as well."""
    last: Place = ()
    """The greatest place of a file that was taken."""
    high: datetime | None = None
    """What was modified before this instant was taken."""
    clock: datetime | None = None
    """The clock of the last look."""
    seen: str | None = None
    """The checksum of the last listing, if nothing of it is left to take; empty: something is.
    With either, `files` are left out until a listing shows which of them matter."""
    whole: Whole | None = None
    """The last listing of all files."""

    @staticmethod
    def of(items: Mapping[str, Position]) -> Known:
        """Read the positions of an entity."""
        own = items.get("", {})
        high, clock = (
            datetime.fromisoformat(own[key]) if own.get(key) else None for key in ("high", "clock")
        )
        return Known(
            {path: position for path, position in items.items() if path},
            {name: tuple(place) for name, place in own.get("columns", {}).items()},
            tuple(own.get("last", ())),
            high,
            clock,
            own.get("seen"),
            Whole.read(own),
        )

    @property
    def position(self) -> dict[str, Any]:
        """The position of the entity itself."""
        told = {
            "high": self.high.isoformat() if self.high else None,
            "clock": self.clock.isoformat() if self.clock else None,
            "columns": {name: list(place) for name, place in self.columns.items()},
            "last": list(self.last),
            "seen": self.seen,
            "whole": self.whole.position if self.whole else None,
        }
        left_out = {key for key in ("seen", "whole") if told[key] is None}
        return {key: value for key, value in told.items() if key not in left_out}
