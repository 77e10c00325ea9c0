"""A PostgreSQL database as a source, read at one snapshot that all parallel streams share."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ConnectError, NotLandedError, ServerVersionError, TidemarkError
from tidemark.layers import mirror
from tidemark.layers.checking import Checked
from tidemark.model import Finding, Positions, QualifiedName, Table, Window
from tidemark.postgres import compose, db, question, sessions, transfer
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.inlet import Out
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Snapshot
from tidemark.postgres.watermarks import Watermark
from tidemark.sources import (
    Which,
    comparison,
    deletestats,
    examination,
    numbers,
    queries,
    reached,
    tables,
    window,
)
from tidemark.sources.comparison import PostgresComparison
from tidemark.sources.deletestats import KeysCompared
from tidemark.sources.numbers import Read
from tidemark.sources.queries import Queries
from tidemark.sources.reached import Reached
from tidemark.sources.tables import Shown

_ANOTHER_QUERY = "its source is another query or table than before, so all rows are read again"


class PostgresSource:
    """A PostgreSQL database: comparable, describable, examinable; its deltas are countable."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @contextmanager
    def open(self, area: Area, positions: Positions) -> Iterator[PostgresDelta]:
        """See `Source.open`.

        Raises:
            ContractError: a table or column that area.yml names is missing or of no use.
            WindowError: no safe upper bound is known.
            NullWatermarkError: rows that no window would ever contain.
        """
        with self._servers.session(area.source.name, f"extract {area.area}") as session:
            # Before the snapshot. Taken after it, a transaction that committed in between would be
            # neither open here nor visible there, and its rows would be lost.
            before = self._before(session, area, positions)
            with session.transaction(transfer.READ_ONLY):
                session.queue(tables.limits(area))
                began = time.monotonic()
                looked = window.look(
                    session,
                    area,
                    before.windows,
                    before.clock,
                    before.watermarks,
                    relations=before.queries.relations,
                )
                future = {
                    name: rows
                    for name, one in looked.items()
                    if (rows := window.to_come(area, name, one))
                }
                # A table that is read as a whole is sent even if it is empty: then all is deleted.
                to_send = [
                    name
                    for name, entity in area.entities.items()
                    if looked[name].has_rows or _is_read_whole(entity)
                ]
                yield PostgresDelta(
                    area=area,
                    tables=before.tables,
                    clock=before.clock,
                    began=began,
                    windows=before.windows,
                    to_send=sorted(to_send, key=lambda name: -before.tables[name].rows),
                    compared=_to_compare(area, before.read, before.now),
                    future=future,
                    _servers=self._servers,
                    _session=session,
                    _before=before,
                )

    def _before(self, session: Session, area: Area, positions: Positions) -> _Before:
        """Find out how far the windows may reach; see `open`."""
        asked = queries.look(session, area)
        read = Reached.of(positions)
        anew = reached.of_another(read, asked.checksums)
        read |= {name: Reached(read_at=read[name].read_at) for name in anew}
        sequences = numbers.read(session, area)
        drawn = numbers.drawn(area, sequences, {name: one.drawn for name, one in read.items()})
        numbers.let_others_end(area, drawn)
        named = tables.named(session, area)
        seen, found = window.activity(session, area, named, asked.behind)
        there = self._shown(session, area, found, asked, sequences).checked.whole()
        windows = numbers.windows(window.windows(area, reached.marks(read), seen), drawn)
        windows |= {name: replace(windows[name], why=_ANOTHER_QUERY) for name in anew}
        window.refuse_out_of_order(area, reached.looks(read), seen.clock)
        return _Before(
            clock=seen.clock,
            tables=there,
            windows=windows,
            watermarks=tables.watermarks(area, there, drawn),
            queries=asked,
            read=read,
            now=deletestats.now(session, area.entities.values(), seen.clock),
        )

    def tables(self, area: Area) -> Checked[Table]:
        """See `Describable.tables`."""
        with self._servers.session(area.source.name, f"look at {area.area}") as session:
            asked = queries.look(session, area)
            found = question.ask(session, tables.named(session, area))
            return self._shown(session, area, found, asked, numbers.read(session, area)).checked

    def _shown(
        self,
        session: Session,
        area: Area,
        found: Mapping[QualifiedName, Table],
        asked: Queries,
        sequences: Mapping[str, Read],
    ) -> Shown:
        where = self._servers.whereabouts(session.server)
        return Shown(area, found, asked.tables, where, sequences)

    def compare(
        self, area: Area, positions: Positions
    ) -> AbstractContextManager[PostgresComparison]:
        """See `Comparable.compare`.

        Raises:
            ContractError: a table that area.yml names is missing.
        """
        return comparison.opened(self._servers, area, positions)

    def rows(self, area: Area) -> dict[str, int]:
        """See `Comparable.rows`; each table is read whole.

        Raises:
            ContractError: a query can't be read.
        """
        with self._servers.session(area.source.name, "status") as session:
            asked = queries.look(session, area)
            asked.tables.whole()
            return {
                name: _count(session, relation, db.raw("true"))
                for name, relation in asked.relations.items()
            }

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """See `Examinable.examine`. `doctor` reports a source that can't be reached by itself."""
        server = area.source.name
        with suppress(ConnectError, ServerVersionError):
            session = sessions.connect(
                self._servers.dsns[server], server, purpose="doctor", as_etl=False
            )
            with closing(session):
                marks = reached.marks(Reached.of(positions or {}))
                where = self._servers.whereabouts(server)
                try:
                    yield from examination.findings(session, area, marks, where)
                except TidemarkError as error:
                    yield Finding(server, "problem", str(error))


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known before the snapshot is taken."""

    clock: datetime
    tables: Mapping[str, Table]
    windows: Mapping[str, Window]
    watermarks: Mapping[str, Watermark]
    queries: Queries
    read: Mapping[str, Reached]
    now: Mapping[str, KeysCompared]
    """Entity -> what to remember if its keys are compared now; only with `deletes: detect`."""


@dataclass(frozen=True, slots=True)
class PostgresDelta:
    """What is new in the windows of tables, at one snapshot."""

    area: Area
    tables: Mapping[str, Table]
    clock: datetime
    began: float
    windows: Mapping[str, Window]
    to_send: Sequence[str]
    compared: Sequence[str]
    future: Mapping[str, int]
    _servers: Servers
    _session: Session
    _before: _Before
    _sent_keys: set[str] = field(default_factory=set)
    _exported: list[str] = field(default_factory=list)
    _exporting: Lock = field(default_factory=Lock)

    @property
    def whole(self) -> Collection[str]:
        """See `Delta.whole`: a window without a beginning has all rows."""
        return {name for name, window in self.windows.items() if window.low is None}

    @property
    def positions(self) -> Positions:
        """See `Delta.positions`. Without a comparison now, what the last one knew is kept."""
        return {name: {"": self._after(name).position} for name in self.area.entities}

    def _after(self, name: str) -> Reached:
        entity, before = self.area.entities[name], self._before.read.get(name)
        high = self.windows[name].high
        read_at = self.clock if entity.extract == "full" or entity.is_seen else None
        query, drawn = self._before.queries.checksums.get(name), numbers.kept(self.windows[name])
        if name not in self._before.now:
            return Reached(high, read_at=read_at, query=query, drawn=drawn)
        # An entity that was never read before is read as a whole, so no key can differ.
        is_compared = name in self._sent_keys or _is_read_whole(entity)
        known = self._before.now[name] if is_compared or before is None else before.compared
        return Reached(high, known, read_at, query, drawn)

    @property
    def compared_by(self) -> Mapping[str, datetime]:
        """See `Delta.compared_by`."""
        last = {
            name: self._before.read[name].compared.at
            for name in self._before.now
            if name in self._before.read and name not in self.compared
        }
        return {
            name: at + self.area.entities[name].compare_keys_every
            if (at := last.get(name))
            else self.clock
            for name in self._before.now
        }

    def count(self, entity: str) -> int:
        """See `Countable.count`; exact, and as costly as reading the window's index."""
        relation = self._before.queries.relation(self.area.entities[entity])
        return _count(self._session, relation, self._condition(entity, "new"))

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """See `Delta.send`. `all` ends where the window ends, too."""
        self._send(entity, out, self._condition(entity, which))

    def send_keys(self, entity: str, out: Out) -> None:
        """See `Delta.send_keys`."""
        self._send(entity, out, db.raw("true"))
        self._sent_keys.add(entity)

    def landed(self, mrr: Session, batch_id: int) -> None:
        """See `Delta.landed`. There is nothing to do: the position is all that has to be kept."""

    def _condition(self, name: str, which: Which) -> Composable:
        entity, slice_ = self.area.entities[name], self.windows[name]
        if which == "new":
            return window.condition(self._before.watermarks.get(name), slice_)
        if which == "all":
            return window.condition(self._before.watermarks.get(name), Window(None, slice_.high))
        named = mirror.key_rows(self.tables[name], entity.key, which)
        return compose.statement(__name__, "named", key=Columns(entity.key), keys=named)

    def _send(self, name: str, out: Out, condition: Composable) -> None:
        types = self.tables[name].by_name
        wanted = [column for column in out.columns if column.name in types]
        query = compose.statement(
            __name__,
            "rows",
            columns=Columns(tuple(column.name for column in wanted)),
            source=self._before.queries.relation(self.area.entities[name]),
            condition=condition,
        )
        binary = transfer.is_binary_safe([types[column.name] for column in wanted], wanted)
        snapshot = self.snapshot()
        try:
            snapshot.send(query, out, wanted, binary=binary)
        except NotLandedError:
            # One row is enough for the receiver to refuse all: the good ones land the careful way.
            snapshot.send(query, out, wanted, binary=False, is_careful=True)

    def snapshot(self) -> Snapshot:
        """Let other sessions see what this look sees, from the first time that one has to."""
        with self._exporting:
            if not self._exported:
                self._exported.append(transfer.shared_snapshot(self._session))
        limits = tables.limits(self.area)
        return Snapshot(self._servers, self._session.server, self._exported[0], limits)


def _count(session: Session, relation: Composable, condition: Composable) -> int:
    return int(
        session.value(compose.statement(__name__, "count", source=relation, condition=condition))
    )


def _to_compare(
    area: Area, before: Mapping[str, Reached], now: Mapping[str, KeysCompared]
) -> list[str]:
    return [
        name
        for name in now
        if _is_read_whole(area.entities[name])
        or (
            name in before
            and deletestats.is_due(area.entities[name], before[name].compared, now[name])
        )
    ]


def _is_read_whole(entity: Entity) -> bool:
    """Whether each batch reads all rows, so that a row that did not come was deleted."""
    return entity.extract == "full" and entity.deletes == "detect"
