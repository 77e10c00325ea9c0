"""A source in memory: a journal of lines, of which each look reads those behind a place.

It is no kind that a user has. That it passes the suite of all kinds (test_sources.py) proves that
the protocol is enough for more than tables.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tidemark.declare.config import Area
from tidemark.errors import NotLandedError
from tidemark.model import Column, Key, Positions, Table, Window
from tidemark.postgres.db import Session
from tidemark.postgres.inlet import Out
from tidemark.sources import Which

OWN = ("_seq", "_extracted_at", "_deleted_at")
START = datetime(2025, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """What one line of the journal says of a key. Without values: that it is gone."""

    key: Key
    values: Mapping[str, str | None]
    at: datetime


@dataclass
class MemorySource:
    """A journal per entity; item `journal` of each, of which the position is the next line."""

    columns: tuple[Column, ...]
    lines: list[Line] = field(default_factory=list)
    landed: int = 0
    """Looks that have landed."""

    def say(self, key: Key, **values: str | None) -> None:
        """Append a line, a second after the last one."""
        at = START + timedelta(seconds=len(self.lines))
        self.lines.append(Line(key, values, at))

    @contextmanager
    def open(self, area: Area, positions: Positions) -> Iterator[MemoryDelta]:
        """See `Source.open`."""
        (entity,) = area.entities.values()
        at = positions.get(entity.name, {}).get("journal", {})
        yield MemoryDelta(self, entity.name, entity.key, at.get("next", 0), len(self.lines))


@dataclass
class MemoryDelta:
    """The lines between two places; lines that are appended meanwhile come later."""

    source: MemorySource
    entity: str
    key: tuple[str, ...]
    start: int
    end: int
    windows: Mapping[str, Window] = field(default_factory=dict)
    whole: Collection[str] = ()
    compared: Sequence[str] = ()
    compared_by: Mapping[str, datetime] = field(default_factory=dict)
    future: Mapping[str, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def tables(self) -> Mapping[str, Table]:
        return {self.entity: Table(self.entity, self.source.columns)}

    @property
    def clock(self) -> datetime:
        return START + timedelta(seconds=self.end)

    @property
    def to_send(self) -> Sequence[str]:
        return [self.entity] if self.end > self.start else []

    @property
    def positions(self) -> Positions:
        return {self.entity: {"journal": {"next": self.end, "high": self.clock.isoformat()}}}

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """Send the lines as a whole, and the careful way where the receiver refuses something."""
        start = self.start if which == "new" else 0
        lines = [
            (number, line)
            for number, line in enumerate(self.source.lines[start : self.end], start + 1)
            if which in ("new", "all") or line.key in which
        ]
        if which != "new":
            lines = list({line.key: (number, line) for number, line in lines}.values())
        if self._sent(out, lines):
            assert self._sent(out, lines, is_careful=True) is None

    def send_keys(self, entity: str, out: Out) -> None:
        keys = {line.key: line for line in self.source.lines[: self.end]}
        live = [(0, Line(key, {}, line.at)) for key, line in keys.items() if line.values]
        self._sent(out, live, own=())

    def landed(self, mrr: Session, batch_id: int) -> None:
        assert mrr.value("select pg_current_xact_id_if_assigned() is not null")
        self.source.landed += 1

    def _sent(
        self,
        out: Out,
        lines: Sequence[tuple[int, Line]],
        own: Sequence[str] = OWN,
        *,
        is_careful: bool = False,
    ) -> NotLandedError | None:
        names = [*(column.name for column in out.columns), *own]
        options = {"null": "NULL"}
        pipe = out.begin("journal", names, "csv", options=options, is_careful=is_careful)
        with suppress(BrokenPipeError):
            pipe.write(self._text(out, lines, own))
        return out.end()

    def _text(self, out: Out, lines: Sequence[tuple[int, Line]], own: Sequence[str]) -> bytes:
        text = io.StringIO()
        for number, line in lines:
            row = {**dict(zip(self.key, line.key, strict=True)), **line.values}
            told = [row.get(column.name) for column in out.columns]
            gone = None if line.values else line.at.isoformat()
            told += [str(number), line.at.isoformat(), gone][: len(own)]
            csv.writer(text).writerow("NULL" if one is None else one for one in told)
        return text.getvalue().encode()
