"""Columns that say when: how their values become instants, and which values instants have there.

A `timestamp` or a `date` says the time of a clock on a wall, so its zone has to be known. Such a
clock is set back once a year: an hour happens twice, and each of its values means two instants. It
is also set forward: then an hour of values means none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, Column
from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable

_DAY = timedelta(days=1)
_TYPE = re.compile(r"(?:timestamp(?:\((\d)\))? (with|without) time zone|date)")

Kind = Literal["instant", "timestamp", "date"]


def kind_of(column: Column) -> Kind | None:
    """Say what a column's values are; None: they do not say when."""
    found = _TYPE.fullmatch(column.value_type)
    if found is None:
        return None
    kinds: dict[str | None, Kind] = {"with": "instant", "without": "timestamp", None: "date"}
    return kinds[found[2]]


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A column that says when, and the zone in which it is read, or an instant's day is taken."""

    name: str
    kind: Kind = "instant"
    zone: str = "UTC"
    unit: timedelta = timedelta(microseconds=1)
    """The distance between two of its values."""

    @staticmethod
    def of(column: Column, zone: str | None = None) -> TimeColumn:
        """Describe a column by what the catalog says of it.

        Raises:
            ValueError: its values do not say when.
        """
        kind = kind_of(column)
        if kind is None:
            raise ValueError(f"{column.name} is {column.type}")
        digits = cast(re.Match[str], _TYPE.fullmatch(column.value_type))[1]
        unit = _DAY if kind == "date" else timedelta(microseconds=10 ** (6 - int(digits or 6)))
        return TimeColumn(column.name, kind, zone or "UTC", unit)

    def __str__(self) -> str:
        return self.name if self.zone == "UTC" else f"{self.name} at {self.zone}"

    def first(self, at: datetime) -> Composable:
        """Return the smallest value that a row may have that is stamped at an instant or later.

        A column with fewer digits rounds, and an application may cut off instead. So this is never
        later than the beginning of the unit.
        """
        earliest = min(self._shown(at))
        return self._literal(earliest - (earliest - BEGINNING_OF_TIME) % self.unit)

    def end(self, at: datetime) -> Composable:
        """Return the value before which those lie that were stamped before an instant.

        It is at or after `first`. So windows leave no value out between them, even one that no
        clock shows; and where a value may come again, it is read again.
        """
        latest = max(self._shown(at))
        return self._literal(latest + (BEGINNING_OF_TIME - latest) % self.unit)

    @property
    def endless(self) -> Composable:
        """The value from which on no row is in a window."""
        return self._literal(END_OF_TIME)

    @property
    def span(self) -> tuple[str, str, str]:
        """The first and the last day on which a version can begin, and the day after it.

        Where the zone is another one than that of the star, both ends leave a day for it.
        """
        if self.zone == "UTC":
            return "0001-01-01", "9999-12-30", "9999-12-31"
        return "0001-01-02", "9999-12-29", "9999-12-30"

    @property
    def repeats(self) -> bool:
        """Whether one value may mean two instants."""
        return self.kind == "timestamp" and self.zone != "UTC"

    def instant(self, value: Composable) -> Composable:
        """Compose what a value of the column means as `timestamptz`, in any session.

        Of the two instants of a value that comes twice it is the later one.
        """
        if self.kind == "instant":
            return value
        parts = {"value": value, "zone": db.literal(self.zone)}
        name = "of_date" if self.kind == "date" else "of_timestamp"
        return compose.statement(__name__, name, parts)

    def value(self, instant: Composable) -> Composable:
        """Compose what the column shows at an instant; a date's has to be assigned to it."""
        if self.kind == "instant":
            return instant
        parts = {"instant": instant, "zone": db.literal(self.zone)}
        return compose.statement(__name__, "as_timestamp", parts)

    def day(self, value: Composable) -> Composable:
        """Compose a value of which the date is that of the column."""
        if self.kind != "instant":
            return value
        return compose.statement(
            __name__, "as_timestamp", instant=value, zone=db.literal(self.zone)
        )

    def _shown(self, at: datetime) -> tuple[datetime, datetime]:
        """Return what the clock shows at an instant by each of the two offsets that it may have.

        In the hour that happens twice they differ. Then the smaller time is before all that the
        clock will show from now on, and the greater one after all that it has shown.
        """
        utc = at.astimezone(UTC)
        if self.kind == "instant" or self.zone == "UTC":
            return utc, utc
        local = at.astimezone(ZoneInfo(self.zone))
        first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        return utc + cast(timedelta, first), utc + cast(timedelta, second)

    def _literal(self, value: datetime) -> Composable:
        if self.kind == "instant":
            return db.literal(value)
        return db.literal(value.date() if self.kind == "date" else value.replace(tzinfo=None))
