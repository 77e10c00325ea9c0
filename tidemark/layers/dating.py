"""The columns that date a row of STG in the star: its change or event, and the days of a fact.

The contracts see to it that they are there, and that they say when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidemark.declare.config import Entity
from tidemark.declare.moments import Moment
from tidemark.model import SEEN_AT, Column
from tidemark.postgres.times import TimeColumn


def dated_by(entity: Entity, columns: Sequence[Column]) -> TimeColumn | None:
    """Return the column with the time of a change or an event; None: STG lacks it."""
    if entity.is_seen:
        return TimeColumn(SEEN_AT)
    return _read(entity, entity.dated_by, columns) if entity.dated_by else None


def days(entity: Entity, columns: Sequence[Column]) -> Mapping[str, TimeColumn]:
    """Return date key of the fact -> the column with its day; without those that STG lacks."""
    named = entity.fact.dates if entity.fact else {}
    found = {key: _read(entity, moment, columns) for key, moment in named.items()}
    return {key: column for key, column in found.items() if column}


def _read(entity: Entity, moment: Moment, columns: Sequence[Column]) -> TimeColumn | None:
    found = next((column for column in columns if column.name == moment.column), None)
    if found is None:
        return None
    column = TimeColumn.of(found, moment.zone)
    # An instant needs no zone; its day is that of UTC unless the key itself names a zone.
    return column if column.kind == "instant" else TimeColumn.of(found, entity.zone_of(moment))
