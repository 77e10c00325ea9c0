"""The columns that date a row of STG in the star: its change or event, and the days of a fact.

`wrong` sees to it that they say when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.moments import Moment
from tidemark.errors import ContractError
from tidemark.model import SEEN_AT, Column, Table
from tidemark.postgres.times import Kind, TimeColumn, kind_of


def dated_by(entity: Entity, columns: Sequence[Column]) -> TimeColumn | None:
    """Return the column with the time of a change or an event; None: STG lacks it."""
    if entity.is_seen:
        return TimeColumn(SEEN_AT)
    return _read(entity, entity.dated_by, columns) if entity.dated_by else None


def stored(entity: Entity, column: Column) -> TimeColumn | None:
    """Return the column of a fact table with the time of its event; None: it does not say when."""
    assert entity.dated_by is not None, "called for facts"
    if kind_of(column) is None:
        return None
    return _read(entity, Moment(column=column.name, zone=entity.dated_by.zone), [column])


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


def wrong(area: Area, entity: Entity, table: Table) -> Iterator[ContractError]:
    """Say which columns that date a row in the star are no dates or times, or in no one zone.

    A column that STG lacks is an error of another contract.
    """
    dated = [("fact.dates", one) for one in (entity.fact.dates.values() if entity.fact else ())]
    if entity.dated_by:
        what = "dimension.effective" if entity.dimension else "fact.event_time"
        dated.append((what, entity.dated_by))
    columns = table.by_name
    for what, moment in dated:
        if moment.column not in columns:
            continue
        column = columns[moment.column]
        lack = _lack(entity, what, moment, kind_of(column))
        if lack:
            yield ContractError(
                f"stg: column {column.name!r} is {column.type} in {table.name}, and {what} of "
                f"entities.{entity.name} in sql/{area.area}/area.yml {lack}",
                server="stg",
                table=table.name,
                column=column.name,
            )


def _lack(entity: Entity, what: str, moment: Moment, kind: Kind | None) -> str:
    """Say why a column of a kind can't date a row; '' if it can."""
    if kind is None:
        return (
            f"takes date, timestamp or timestamptz. Cast it in {'.'.join(entity.view)}, and give "
            "the column such a type in STG and the DWH."
        )
    if moment.zone and what == "fact.dates" and kind != "instant":
        return f"takes a day of it as it is. Leave `at {moment.zone}` out."
    if moment.zone and what != "fact.dates" and kind == "instant":
        return f"needs no zone to read it. Leave `at {moment.zone}` out."
    return ""
