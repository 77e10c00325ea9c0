"""The column by which windows are cut: a time, or a number that each write draws from a sequence.

A number does not say when it was drawn. So the sequence is read at some instants, and what it had
drawn by then stands for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tidemark.model import Column, QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable
from tidemark.postgres.times import TimeColumn

NUMBERS = ("smallint", "integer", "bigint")

NOTHING = -(2**63)
"""What a sequence had drawn before its first number."""

Drawn = Mapping[datetime, int]
"""Instant -> the last number that a sequence had drawn by then."""


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A column with numbers of a sequence, and what that had drawn by some instants."""

    name: str
    sequence: QualifiedName
    drawn: Drawn

    def first(self, at: datetime) -> Composable:
        """Return the smallest number that was drawn after the last known instant up to `at`."""
        return db.literal(last(self.drawn, at) + 1)

    def end(self, at: datetime) -> Composable:
        """Return the number before which those lie that were drawn by then; see `first`."""
        return self.first(at) if any(at <= one for one in self.drawn) else self.endless

    @property
    def endless(self) -> Composable:
        """The number from which on none has been drawn."""
        return compose.statement(__name__, "undrawn", sequence=db.name(*self.sequence))


Watermark = TimeColumn | NumberColumn


def of(
    column: Column, *, zone: str | None, sequence: QualifiedName | None, drawn: Drawn
) -> Watermark:
    """Describe a watermark by what the catalog and area.yml say of it.

    Raises:
        ValueError: it needs a sequence, and area.yml names none.
    """
    if sequence:
        return NumberColumn(column.name, sequence, drawn)
    return TimeColumn.of(column, zone)


def last(drawn: Drawn, at: datetime) -> int:
    """Return the number at the last known instant up to `at`; without one, nothing is known."""
    return drawn[max(known)] if (known := [one for one in drawn if one <= at]) else NOTHING
