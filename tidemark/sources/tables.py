"""The tables of a PostgreSQL source: what its catalog says of them, and how long they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.layers import checking
from tidemark.layers.checking import Checked, told
from tidemark.model import QualifiedName, Table
from tidemark.postgres import catalog, compose, db, times
from tidemark.postgres import watermarks as columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.question import Question
from tidemark.postgres.watermarks import Drawn, Watermark
from tidemark.sources import numbers
from tidemark.sources.numbers import Read


def _why(area: Area, name: str) -> str:
    return f"entities.{name} of sql/{area.area}/area.yml"


def named(session: Session, area: Area) -> Question[dict[QualifiedName, Table]]:
    """Ask what the catalog says of the entities' tables and views."""
    wanted = [entity.source_name for entity in area.entities.values() if not entity.query]
    return catalog.named(session, wanted)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a database shows to an area."""

    area: Area
    found: Mapping[QualifiedName, Table]
    """The tables and views that its catalog has."""
    queries: Checked[Table]
    """What it says of queries."""
    whereabouts: str = ""
    """See `Servers.whereabouts`."""
    sequences: Mapping[str, Read] = field(default_factory=dict)
    """Entity -> the sequence from which its watermark is drawn."""

    @property
    def tables(self) -> Checked[Table]:
        """Return the table of each entity: there, and with all columns that area.yml names.

        Columns that the entity leaves out are not among its columns.
        """
        return checking.each(self.area.entities.values(), self._missing, self._read)

    @property
    def checked(self) -> Checked[Table]:
        """Check them against area.yml, and return them like `tables`."""
        return checking.each(self.area.entities.values(), self._wrong, self._read)

    def of(self, entity: Entity) -> Table | None:
        """Return what it shows of one entity; None: that is not there, or can't be read."""
        if entity.query:
            return self.queries.sound.get(entity.name)
        return self.found.get(entity.source_name)

    def _read(self, entity: Entity) -> Table:
        table = self.of(entity)
        assert table is not None, "an entity without a table is not sound"
        kept = tuple(one for one in table.columns if one.name not in entity.leave_out)
        return replace(table, columns=kept)

    def _missing(self, entity: Entity) -> Iterator[ContractError]:
        server, why = self.area.source.name, _why(self.area, entity.name)
        if entity.query:
            yield from self.queries.wrong.get(entity.name, ())
        else:
            yield from catalog.missing(
                self.found,
                [entity.source_name],
                server=server,
                why=why,
                whereabouts=self.whereabouts,
            )
        if table := self.of(entity):
            watermark = [entity.watermark] if entity.watermark else []
            columns = [*entity.leave_out, *entity.key, *watermark]
            yield from catalog.lacking(table, columns, server=server, why=why)

    def _wrong(self, entity: Entity) -> Iterator[ContractError]:
        yield from self._missing(entity)
        server, table = self.area.source.name, self.of(entity)
        if table is None:
            return
        if entity.watermark in table.names:
            yield from told(lambda: watermark(self.area, entity, table))
        if entity.name in self.sequences:
            yield from numbers.wrong(self.area, entity, self.sequences[entity.name])
        is_read = {*entity.key} <= {*table.names}
        # Of other relations the key is checked in the rows that come (`landing`).
        if table.kind == "table" and is_read and not table.is_unique(entity.key):
            yield ContractError(
                f"{server}: no unique index of {table.name} lies within the key "
                f"({', '.join(entity.key)}), so two of its rows could be one row here. "
                "Correct `key`, or create the unique index.",
                server=server,
                table=table.name,
            )


def watermarks(
    area: Area, there: Mapping[str, Table], drawn: Mapping[str, Drawn]
) -> dict[str, Watermark]:
    """Return the watermark of each entity that has one.

    Args:
        area: names them.
        there: the tables of the source.
        drawn: entity -> what the sequence had drawn, if its watermark is a number of it.

    Raises:
        ContractError: its values do not say when.
    """
    found = {
        name: watermark(area, entity, there[name], drawn.get(name, {}))
        for name, entity in area.entities.items()
    }
    return {name: column for name, column in found.items() if column}


def watermark(
    area: Area, entity: Entity, table: Table, drawn: Drawn = MappingProxyType({})
) -> Watermark | None:
    """Return the watermark of one entity, as its table has it.

    Raises:
        ContractError: its values do not say when; or not whose clock they show.
    """
    if entity.watermark is None:
        return None
    why = _why(area, entity.name)
    catalog.require_columns(table, [entity.watermark], server=area.source.name, why=why)
    column = table.column(entity.watermark)
    kind, lack = times.kind_of(column), ""
    if entity.sequence:
        if column.value_type not in columns.NUMBERS:
            lack = (
                f"and a number of the sequence {entity.watermark_sequence} is smallint, integer or "
                "bigint. Name another column."
            )
    elif kind is None:
        lack = (
            "and a window needs timestamptz, timestamp or date, or a number of which you name the "
            "`watermark_sequence`. Name another column, or set `extract: full`."
        )
    elif kind != "instant" and not entity.watermark_zone:
        lack = (
            "which does not say in which zone. Add `watermark_zone: UTC`, or another IANA name, to "
            f"{why}."
        )
    elif kind == "instant" and entity.watermark_zone:
        lack = f"an instant in any zone. Take `watermark_zone` out of {why}."
    if lack:
        raise ContractError(
            f"{area.source.name}: the watermark {table.name}.{column.name} is {column.type}, "
            f"{lack}",
            server=area.source.name,
            table=table.name,
            column=column.name,
        )
    zone, sequence = entity.watermark_zone, entity.sequence
    return columns.of(column, zone=zone, sequence=sequence, drawn=drawn)


def limits(area: Area) -> Composable:
    """Compose the time limits of a transaction on the source, so that it gives way to others."""
    assert area.database is not None, "a source that is a database"
    said = area.database.limits
    return compose.statement(
        __name__,
        "limits",
        statement_timeout=_milliseconds(said.statement_timeout),
        lock_timeout=_milliseconds(said.lock_timeout),
    )


def _milliseconds(duration: timedelta) -> Composable:
    return db.literal(duration // timedelta(milliseconds=1))
