"""Where Tidemark's history differs from dbt's on purpose: rules from one timeline to the other.

What is here knows no server: benchmarks/peers/history.py shows the same changes to both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a customer, as a tool keeps it."""

    city: str | None
    name: str
    email: str
    valid_from: datetime
    valid_to: datetime | None
    is_current: bool
    is_deleted: bool = False

    def until(self, later: Version) -> Version:
        """Return the version with the end of a later one."""
        return replace(self, valid_to=later.valid_to, is_current=later.is_current)

    @property
    def is_refused(self) -> bool:
        """Whether cleansing refuses it."""
        return "@" not in self.email


Timeline = list[Version]


def refused_rows(timeline: Timeline) -> Timeline:
    """Leave out what cleansing refuses: the version before it stays in force."""
    passed: Timeline = []
    for version in timeline:
        if not version.is_refused:
            passed.append(version)
        elif passed:
            passed[-1] = passed[-1].until(version)
    return passed


def cleansing(timeline: Timeline) -> Timeline:
    """Write texts as the area's rules do."""
    return [replace(v, city=v.city and v.city.strip().title()) for v in timeline]


def record_of_a_delete(timeline: Timeline) -> Timeline:
    """Leave out the record with which `hard_deletes: new_record` fills the gap."""
    return [version for version in timeline if not version.is_deleted]


def restored_row(timeline: Timeline) -> Timeline:
    """Let a return that is stamped before the delete begin there: open, and others follow it."""
    early = [version for version in timeline[:-1] if version.valid_to is None]
    others = [version for version in timeline if version not in early]
    return others + [replace(v, valid_from=others[-1].valid_to or v.valid_from) for v in early]


def newer_stamp(timeline: Timeline) -> Timeline:
    """Let a newer `updated_at` alone open no version."""
    return _merged(
        timeline,
        lambda before, v: (before.city, before.name, before.email) == (v.city, v.name, v.email),
    )


def type_1(timeline: Timeline) -> Timeline:
    """Let type-1 values show in all versions, and open no version."""
    same = [replace(v, name=timeline[-1].name, email=timeline[-1].email) for v in timeline]
    return _merged(same, lambda before, v: before.city == v.city)


def first_version(timeline: Timeline) -> Timeline:
    """Let the first version begin at the beginning of time."""
    return [replace(v, valid_from=BEGINNING_OF_TIME) for v in timeline[:1]] + timeline[1:]


def open_end(timeline: Timeline) -> Timeline:
    """Let the open version end at the end of time."""
    return [replace(v, valid_to=v.valid_to or END_OF_TIME) for v in timeline]


RULES: Mapping[str, Callable[[Timeline], Timeline]] = {
    "a row that cleansing refuses": refused_rows,
    "what cleansing writes": cleansing,
    "the record of a delete": record_of_a_delete,
    "a newer stamp alone": newer_stamp,
    "a change of type 1": type_1,
    "a row restored with its old stamp": restored_row,
    "the first version": first_version,
    "the open end": open_end,
}
"""Difference, as docs/scd2.md names it -> what makes of dbt's timeline Tidemark's."""


def _merged(timeline: Timeline, same: Callable[[Version, Version], bool]) -> Timeline:
    """Let a version that says the same as the one before it, and follows at once, be its rest."""
    merged: Timeline = []
    for version in timeline:
        if merged and merged[-1].valid_to == version.valid_from and same(merged[-1], version):
            merged[-1] = merged[-1].until(version)
        else:
            merged.append(version)
    return merged
