"""What hops and batches have done: as values, as JSON, and as text. Nothing here prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Literal

from tidemark.model import CheckResult, Hop, Window, in_the_future

Timing = Literal["stream_seconds", "apply_seconds"]

_ROWS = ("processed", "inserted", "updated", "deleted", "rejected")
_IN_THE_STAR = ("closed", "inferred", "repointed")
_NOTES = (*_IN_THE_STAR, "fetched", "future")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a source, for one entity."""

    window: Window
    clock: datetime
    """The source's clock."""
    seconds: float
    """How long the snapshot was open."""
    items: int | None = None
    """How many items were new, such as files; None: the rows are those of a table."""

    @property
    def info(self) -> dict[str, object]:
        """The look as `etl_logs` records it."""
        low, high, held_by = self.window.low, self.window.high, self.window.held_by
        return {
            "low": low.isoformat() if low else None,
            "high": high.isoformat() if high else None,
            "source_clock": self.clock.isoformat(),
            **({"held_back_by": str(held_by)} if held_by else {}),
            **({"items": self.items} if self.items is not None else {}),
            "snapshot_seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        if self.items is not None:
            return f"{self.items:,} new {'item' if self.items == 1 else 'items'}"
        if self.window.high is None:
            return "the whole table"
        held = f" (held back by {self.window.held_by})" if self.window.held_by else ""
        low = self.window.low.isoformat() if self.window.low else "start"
        return f"[{low}, {self.window.high.isoformat()}){held}"


@dataclass(slots=True)
class Counts:
    """How many rows one hop moved for one entity, and what else is worth reporting."""

    processed: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: int = 0
    warning: str | None = None
    """What is wrong, although the hop has succeeded."""
    closed: int = 0
    """Current versions that ended."""
    inferred: int = 0
    """Inferred members that were made."""
    repointed: int = 0
    """Facts that point at another version than before."""
    fetched: int = 0
    """Rows that were fetched since no window had brought them."""
    future: int = 0
    """Rows that were left out, since their watermark lies in the future."""
    drift: str = ""
    """How the mirror has followed its source's columns."""
    remarks: tuple[str, ...] = ()
    """What is worth telling of single items, such as files."""
    look: Look | None = None
    """The look at the source, of an extraction."""
    stream_seconds: float | None = None
    apply_seconds: float | None = None

    def add(self, other: Counts) -> None:
        """Add the rows of another step of the same hop."""
        for what in (*_ROWS, *_NOTES):
            setattr(self, what, getattr(self, what) + getattr(other, what))

    @contextmanager
    def timed(self, what: Timing) -> Iterator[None]:
        """Add the block's duration to a time."""
        start = monotonic()
        yield
        self.spend(what, monotonic() - start)

    def spend(self, what: Timing, seconds: float) -> None:
        """Add a duration to a time."""
        setattr(self, what, (getattr(self, what) or 0.0) + seconds)

    @property
    def seconds(self) -> float:
        """Time spent on streaming and applying."""
        return (self.stream_seconds or 0.0) + (self.apply_seconds or 0.0)

    @property
    def is_telling(self) -> bool:
        """Whether there is more to report than that a look has found nothing."""
        is_noted = any(getattr(self, what) for what in _NOTES)
        is_told = bool(self.warning or self.drift or self.remarks or is_noted)
        return bool(self.processed or self.changed or is_told)

    @property
    def changed(self) -> int:
        """Rows of the receiving layer that the hop wrote, rejects included."""
        return self.inserted + self.updated + self.deleted + self.rejected

    def as_dict(self) -> dict[str, int]:
        """Only the numbers of rows, for XCom, JSON and logs."""
        return {what: getattr(self, what) for what in _ROWS}

    @property
    def info(self) -> dict[str, object]:
        """The content of `etl_logs.additional_info`; entries that say nothing are left out."""
        spent = {"stream_seconds": self.stream_seconds, "apply_seconds": self.apply_seconds}
        return {
            **({"drift": self.drift} if self.drift else {}),
            **({"remarks": list(self.remarks)} if self.remarks else {}),
            **(self.look.info if self.look else {}),
            **{what: rows for what in _NOTES if (rows := getattr(self, what))},
            **{what: round(each, 3) for what, each in spent.items() if each is not None},
        }

    def __str__(self) -> str:
        counted = {what: getattr(self, what) for what in _ROWS[1:]}
        counted |= {what: rows for what in _IN_THE_STAR if (rows := getattr(self, what))}
        numbers = ", ".join(f"{rows:,} {what}" for what, rows in counted.items())
        return f"{self.processed:,} rows streamed, {numbers} in {self.seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class HopResult:
    """What one hop of one batch has done, entity by entity."""

    hop: Hop
    area: str
    batch_id: int
    seconds: float
    entities: Mapping[str, Counts]
    checks: Sequence[CheckResult] = ()
    """What its checks found, those that passed too."""

    @property
    def warnings(self) -> list[str]:
        """What is wrong although the hop has succeeded, entity by entity."""
        told = [counts.warning for counts in self.entities.values() if counts.warning]
        broken = (one for one in self.checks if one.is_broken and one.severity != "reject")
        return [*told, *(f"{self.area}: {one}" for one in broken)]

    @property
    def refused(self) -> list[str]:
        """What checks that reject rows have refused."""
        found = (one for one in self.checks if one.is_broken and one.severity == "reject")
        return [one.message for one in found]

    @property
    def changed(self) -> int:
        """Rows written in the receiving layer."""
        return sum(counts.changed for counts in self.entities.values())

    @property
    def lines(self) -> Iterator[tuple[str | None, str]]:
        """Yield what it did as text: a line for the hop (None), and those of each entity."""
        yield (
            None,
            f"batch {self.batch_id} of {self.area}, {self.hop}: "
            f"{self.changed:,} rows written in {self.seconds:.2f} s",
        )
        for name, counts in self.entities.items():
            yield name, f"{name}: {f'{counts.look}: ' if counts.look else ''}{counts}"
            if counts.future:
                yield name, f"{name}: {in_the_future(counts.future)}"
            if counts.drift:
                yield name, f"{name}: {counts.drift}"


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one batch has done."""

    area: str
    batch_id: int
    hops: tuple[HopResult, ...]

    @property
    def changed(self) -> int:
        """Rows written in all layers; 0 says that the source had nothing new."""
        return sum(hop.changed for hop in self.hops)


def remarks(hops: Sequence[HopResult]) -> Iterator[str]:
    """Yield notes on a batch as text: drift, and rows that it left out."""
    counted = [(name, counts) for hop in hops for name, counts in hop.entities.items()]
    yield from (counts.drift for _, counts in counted if counts.drift)
    for name, counts in counted:
        yield from counts.remarks
        if counts.future:
            yield f"{name}: {in_the_future(counts.future)}"
    yield from (told for hop in hops for told in hop.refused)
    holders = {str(c.look.window.held_by) for _, c in counted if c.look and c.look.window.held_by}
    for holder in sorted(holders):
        yield (
            "rows that were written since an open transaction began wait for a later batch: "
            f"{holder}"
        )


class Json:
    """A text that is JSON already. In a result, its numbers keep all their digits."""

    def __init__(self, text: str) -> None:
        self.text = text


_PLACE = re.compile(r'"\\u0000(\d+)"')
"""Where such a text goes: no other one has a NUL, which PostgreSQL can't keep."""


def as_json(value: object) -> str:
    """Write a result as JSON: instants in ISO 8601, seconds to milliseconds, decimals as text."""
    ready: list[str] = []

    def other(one: object) -> str:
        if not isinstance(one, Json):
            return _text(one)
        ready.append(one.text)
        return f"\0{len(ready) - 1}"

    text = json.dumps(_plain(value), indent=2, default=other, ensure_ascii=False)
    return _PLACE.sub(lambda found: ready[int(found[1])], text) if ready else text


def _plain(value: Any) -> Any:
    match value:
        case Counts():
            return {**value.as_dict(), "warning": value.warning, "info": _plain(value.info)}
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return round(value, 3)
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.repr}
    return value


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
