"""All rows of an area's tables in a PostgreSQL source, for comparing them with the mirror."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from tidemark.declare.config import Area
from tidemark.model import Key, Positions, Table, in_the_future
from tidemark.postgres import compose, db, question, transfer
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Relation, Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.watermarks import Watermark
from tidemark.sources import deletestats, queries, reached, tables, window
from tidemark.sources.queries import Queries
from tidemark.sources.reached import Reached

_COUNTED_AFTER = 11.0
"""Seconds until an idle session has reported its deletes to the server (PGSTAT_IDLE_INTERVAL)."""


@contextmanager
def opened(servers: Servers, area: Area, positions: Positions) -> Iterator[PostgresComparison]:
    """See `Comparable.compare`."""
    with servers.session(area.source.name, "verify") as session:
        asked = queries.look(session, area)
        asked.tables.whole()
        read = Reached.of(positions)
        # The next batch reads all of what another query has yielded.
        read = {n: read[n] for n in read.keys() - {*reached.of_another(read, asked.checksums)}}
        with session.rolled_back(transfer.READ_ONLY):
            session.run(tables.limits(area))
            clock = session.value(compose.statement(__name__, "clock"))
            yield PostgresComparison(servers, session, area, clock, read, asked)


@dataclass(frozen=True)
class PostgresComparison:
    """All rows of the tables at one snapshot."""

    _servers: Servers
    _session: Session
    _area: Area
    clock: datetime
    _read: Mapping[str, Reached]
    _queries: Queries

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """See `Comparison.tables`."""
        found = question.ask(self._session, tables.named(self._session, self._area))
        return tables.Shown(self._area, found, self._queries.tables).tables.whole()

    @cached_property
    def _watermarks(self) -> Mapping[str, Watermark]:
        drawn = {name: one.drawn for name, one in self._read.items()}
        return tables.watermarks(self._area, self.tables, drawn)

    def _late(self, name: str) -> Composable:
        """Compose the condition for rows that the next batch brings whether they differ or not."""
        entity, low = self._area.entities[name], self._low(name)
        if entity.extract == "full" and name in self._read:
            return db.raw("false")
        if low is None:
            return db.raw("true")
        watermark = self._watermarks[name]
        return compose.statement(
            __name__, "is_late", watermark=db.name(watermark.name), low=watermark.first(low)
        )

    def _low(self, name: str) -> datetime | None:
        high = self._read[name].high if name in self._read else None
        return window.begin(self._area.entities[name], high) if high else None

    def relation(self, entity: str, columns: Sequence[str]) -> Relation:
        """See `Comparison.relation`."""
        return Relation(
            self._session,
            compose.statement(
                __name__,
                "compared",
                columns=Columns(tuple(columns)),
                pending=self._late(entity),
                source=self._queries.relation(self._area.entities[entity]),
            ),
        )

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """See `Comparison.pending_keys`; empty for a table that is read as a whole anyway."""
        named = self._area.entities[entity]
        if named.extract == "full" or self._low(entity) is None:
            return []
        statement = compose.statement(
            __name__,
            "late_keys",
            key=Columns(named.key),
            source=self._queries.relation(named),
            late=self._late(entity),
            limit=db.literal(limit),
        )
        return [tuple(key) for (key,) in self._session.rows(statement)]

    def will_compare_keys(self, entity: str, *, is_deleted: bool) -> bool:
        """See `Comparison.will_compare_keys`."""
        named, before = self._area.entities[entity], self._read.get(entity)
        if named.extract == "full" or before is None:
            return True
        deadline = time.monotonic() + (_COUNTED_AFTER if is_deleted else 0)
        with self._servers.session(self._area.source.name, "verify") as session:
            while True:
                clock = session.value(compose.statement(__name__, "clock"))
                now = deletestats.now(session, [named], clock)[entity]
                if deletestats.is_due(named, before.compared, now):
                    return True
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.5)

    def remarks(self) -> Iterator[str]:
        """See `Comparison.remarks`: which rows are stamped in the future."""
        entities = self._area.entities.values()
        relations = self._queries.relations
        found = window.future(self._session, entities, self.clock, self._watermarks, relations)
        for name, rows in found.items():
            yield f"{name}: {in_the_future(rows)}"
