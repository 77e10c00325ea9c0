"""How far a PostgreSQL table has been read: the content of its position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidemark.model import Positions
from tidemark.postgres.watermarks import Drawn
from tidemark.sources.deletestats import NEVER, KeysCompared


@dataclass(frozen=True, slots=True)
class Reached:
    """The content of a table's position."""

    high: datetime | None = None
    """The exclusive upper end of the last window."""
    compared: KeysCompared = NEVER
    read_at: datetime | None = None
    """The source's clock at the last look, where that dates rows or their freshness."""
    query: str | None = None
    """Checksum of the query that was read; None: it was a table."""
    drawn: Drawn = field(default_factory=dict)
    """What a sequence had drawn by the end of the window, and by later instants."""

    @staticmethod
    def of(positions: Positions) -> dict[str, Reached]:
        """Read positions: entity -> the content of its only one."""
        found = {}
        for name, items in positions.items():
            at = items.get("", {})
            high, compared_at, read_at = (
                datetime.fromisoformat(at[key]) if at.get(key) else None
                for key in ("high", "compared_at", "read_at")
            )
            compared = KeysCompared(at.get("deletes"), compared_at)
            drawn = {datetime.fromisoformat(when): n for when, n in at.get("drawn", {}).items()}
            found[name] = Reached(high, compared, read_at, at.get("query"), drawn)
        return found

    @property
    def position(self) -> dict[str, Any]:
        """The position with this content."""
        told = {
            "high": self.high,
            "deletes": self.compared.statistics,
            "compared_at": self.compared.at,
            "read_at": self.read_at,
            "query": self.query,
            "drawn": {when.isoformat(): n for when, n in self.drawn.items()} or None,
        }
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in told.items()
            if value is not None
        }


def of_another(read: Mapping[str, Reached], checksums: Mapping[str, str]) -> list[str]:
    """Find the entities that were read by another query than today's: rows are to be read again.

    Args:
        read: how far each was read.
        checksums: entity -> checksum of its query now, if it has one.
    """
    return [
        name for name, one in read.items() if one != Reached() and one.query != checksums.get(name)
    ]


def marks(read: Mapping[str, Reached]) -> dict[str, datetime]:
    """Return the high-water marks: entity -> where its next window begins."""
    return {name: one.high for name, one in read.items() if one.high}


def looks(read: Mapping[str, Reached]) -> dict[str, datetime]:
    """Return the source's clock at the last look: entity -> clock, where it is kept."""
    return {name: one.read_at for name, one in read.items() if one.read_at}
