"""A PostgreSQL database as a source, read at one snapshot that all parallel streams share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from tidemark.declare.config import Area, Entity
from tidemark.errors import (
    ConnectError,
    ContractError,
    ServerVersionError,
    TidemarkError,
)
from tidemark.layers import mirror
from tidemark.model import Finding, Key, Positions, Table, Window
from tidemark.postgres import (
    catalog,
    compose,
    db,
    transfer,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import (
    Composable,
    Relation,
    Servers,
    Session,
)
from tidemark.postgres.inlet import Out
from tidemark.postgres.transfer import Snapshot
from tidemark.sources import Which, examination, traces, window
from tidemark.sources.traces import NEVER, KeysCompared

_TIMESTAMPTZ = "timestamp with time zone"

_COUNTED_AFTER = 11.0
"""Seconds until a session that idles has told the server of its deletes (PGSTAT_IDLE_INTERVAL)."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far a table has been read: what a position says."""

    high: datetime | None = None
    """The exclusive upper end of the last window."""
    keys: KeysCompared = NEVER

    @staticmethod
    def of(positions: Positions) -> dict[str, _Reached]:
        """Take positions apart: entity -> what its one says."""
        found = {}
        for name, items in positions.items():
            at = items.get("", {})
            high, compared_at = (
                datetime.fromisoformat(at[key]) if at.get(key) else None
                for key in ("high", "compared_at")
            )
            found[name] = _Reached(high, KeysCompared(at.get("deletes"), compared_at))
        return found

    @property
    def position(self) -> dict[str, str]:
        """What it is as a position."""
        told = {"high": self.high, "deletes": self.keys.trace, "compared_at": self.keys.at}
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in told.items()
            if value is not None
        }


def _marks(read: Mapping[str, _Reached]) -> dict[str, datetime]:
    return {name: one.high for name, one in read.items() if one.high}


class PostgresSource:
    """A PostgreSQL database: it is comparable, examinable, and its deltas are countable."""

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
        read = _Reached.of(positions)
        with self._servers.session(area.source.name, f"extract {area.area}") as session:
            tables = _checked_tables(session, area, self._servers.whereabouts(session.server))
            seen = window.activity(session, area)
            windows = window.windows(area, _marks(read), seen)
            now = traces.now(session, area.entities.values(), seen.clock)
            with session.transaction(transfer.READ_ONLY):
                session.run(limits(area))
                began = time.monotonic()
                snapshot = transfer.shared_snapshot(session)
                found = window.look(session, area, windows, seen.clock)
                future = {
                    name: rows
                    for name, one in found.items()
                    if (rows := window.to_come(area, name, one))
                }
                # Where a table is read as a whole, nothing says as much as something: all is gone.
                pending = [
                    name
                    for name, entity in area.entities.items()
                    if found[name].has_rows or _is_read_whole(entity)
                ]
                yield PostgresDelta(
                    area=area,
                    tables=tables,
                    clock=seen.clock,
                    began=began,
                    windows=windows,
                    pending=sorted(pending, key=lambda name: -tables[name].rows),
                    compared=_to_compare(area, read, now),
                    future=future,
                    snapshot=Snapshot(self._servers, session.server, snapshot, limits(area)),
                    _session=session,
                    _read=read,
                    _now=now,
                )

    @contextmanager
    def compare(self, area: Area, positions: Positions) -> Iterator[PostgresComparison]:
        """See `Comparable.compare`.

        Raises:
            ContractError: a table that area.yml names is missing.
        """
        with (
            self._servers.session(area.source.name, "verify") as session,
            session.rolled_back(transfer.READ_ONLY),
        ):
            session.run(limits(area))
            clock = session.value(compose.statement(__name__, "clock"))
            yield PostgresComparison(self._servers, session, area, clock, _Reached.of(positions))

    def rows(self, area: Area) -> dict[str, int]:
        """See `Comparable.rows`; each table is read whole."""
        with self._servers.session(area.source.name, "status") as session:
            return {
                name: _count(session, entity, db.text("true"))
                for name, entity in area.entities.items()
            }

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """See `Examinable.examine`; a source that can't be reached has been said to be so."""
        server = area.source.name
        with suppress(ConnectError, ServerVersionError):
            session = db.connect(self._servers.dsns[server], server, purpose="doctor", as_etl=False)
            with closing(session):
                marks = _marks(_Reached.of(positions or {}))
                where = self._servers.whereabouts(server)
                try:
                    yield from examination.findings(session, area, marks, where)
                except TidemarkError as error:
                    yield Finding(server, "problem", str(error))


@dataclass(frozen=True, slots=True)
class PostgresDelta:
    """What is new in the windows of tables, at one snapshot."""

    area: Area
    tables: Mapping[str, Table]
    clock: datetime
    began: float
    windows: Mapping[str, Window]
    pending: Sequence[str]
    compared: Sequence[str]
    future: Mapping[str, int]
    snapshot: Snapshot
    _session: Session
    _read: Mapping[str, _Reached]
    _now: Mapping[str, KeysCompared]
    """Entity -> what is known where its keys are compared now, of those whose deletes count."""
    _sent_keys: set[str] = field(default_factory=set)

    @property
    def positions(self) -> Positions:
        """See `Delta.positions`: what was known when keys were compared is of when they were."""
        return {name: {"": self._after(name).position} for name in self.area.entities}

    def _after(self, name: str) -> _Reached:
        before, high = self._read.get(name), self.windows[name].high
        if name not in self._now:
            return _Reached(high)
        is_compared = name in self._sent_keys or _is_read_whole(self.area.entities[name])
        # What was never read before has no row that a comparison could miss.
        is_known = is_compared or before is None
        return _Reached(high, self._now[name] if is_known or before is None else before.keys)

    @property
    def compared_by(self) -> Mapping[str, datetime]:
        """See `Delta.compared_by`."""
        last = {
            name: self._read[name].keys.at
            for name in self._now
            if name in self._read and name not in self.compared
        }
        return {
            name: at + self.area.entities[name].compare_keys_every
            if (at := last.get(name))
            else self.clock
            for name in self._now
        }

    def count(self, entity: str) -> int:
        """See `Countable.count`; exact, and as costly as reading the window's index."""
        named = self.area.entities[entity]
        return _count(self._session, named, window.condition(named, self.windows[entity]))

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """See `Delta.send`; all there is ends where the window does."""
        self._send(entity, out, self._condition(entity, which))

    def send_keys(self, entity: str, out: Out) -> None:
        """See `Delta.send_keys`."""
        self._send(entity, out, db.text("true"))
        self._sent_keys.add(entity)

    def landed(self, mrr: Session) -> None:
        """See `Delta.landed`: the position says it all."""

    def _condition(self, name: str, which: Which) -> Composable:
        entity, slice_ = self.area.entities[name], self.windows[name]
        if which == "new":
            return window.condition(entity, slice_)
        if which == "all":
            return window.condition(entity, Window(None, slice_.high))
        named = mirror.keys(self.tables[name], entity.key, which)
        return compose.statement(__name__, "named", key=Columns(entity.key), keys=named)

    def _send(self, name: str, out: Out, condition: Composable) -> None:
        types = {column.name: column for column in self.tables[name].columns}
        wanted = [column for column in out.columns if column.name in types]
        query = compose.statement(
            __name__,
            "rows",
            columns=Columns(tuple(column.name for column in wanted)),
            source=db.name(*self.area.entities[name].source_name),
            condition=condition,
        )
        binary = transfer.is_binary_safe([types[column.name] for column in wanted], wanted)
        self.snapshot.send(query, out, wanted, binary=binary)


@dataclass(frozen=True)
class PostgresComparison:
    """All rows of the tables at one snapshot."""

    _servers: Servers
    _session: Session
    _area: Area
    clock: datetime
    _read: Mapping[str, _Reached]

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """See `Comparison.tables`."""
        return _tables(self._session, self._area)

    def _late(self, name: str) -> Composable:
        """Compose the condition on which the next batch brings a row."""
        entity, low = self._area.entities[name], self._low(name)
        if entity.extract == "full" or low is None:
            return db.text("true")
        return compose.statement(
            __name__, "is_late", watermark=db.name(str(entity.watermark)), low=db.literal(low)
        )

    def _low(self, name: str) -> datetime | None:
        high = self._read[name].high if name in self._read else None
        return high - self._area.entities[name].lookback if high else None

    def relation(self, entity: str, columns: Sequence[str]) -> Relation:
        """See `Comparison.relation`."""
        return Relation(
            self._session,
            compose.statement(
                __name__,
                "compared",
                columns=Columns(tuple(columns)),
                pending=self._late(entity),
                source=db.name(*self._area.entities[entity].source_name),
            ),
        )

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """See `Comparison.pending_keys`; none of a table that is read as a whole anyway."""
        named = self._area.entities[entity]
        if named.extract == "full" or self._low(entity) is None:
            return []
        statement = compose.statement(
            __name__,
            "late_keys",
            key=Columns(named.key),
            source=db.name(*named.source_name),
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
                now = traces.now(session, [named], clock)[entity]
                if traces.is_due(named, before.keys, now):
                    return True
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.5)

    def future(self) -> Mapping[str, int]:
        """See `Comparison.future`."""
        return window.future(self._session, self._area.entities.values(), self.clock)


def limits(area: Area) -> Composable:
    """Compose what keeps a transaction on the source from standing in the application's way."""
    return compose.statement(
        __name__,
        "limits",
        statement_timeout=_milliseconds(area.source.limits.statement_timeout),
        lock_timeout=_milliseconds(area.source.limits.lock_timeout),
    )


def _milliseconds(duration: timedelta) -> Composable:
    return db.literal(duration // timedelta(milliseconds=1))


def _count(session: Session, entity: Entity, condition: Composable) -> int:
    source = db.name(*entity.source_name)
    return int(
        session.value(compose.statement(__name__, "count", source=source, condition=condition))
    )


def _to_compare(
    area: Area, before: Mapping[str, _Reached], now: Mapping[str, KeysCompared]
) -> list[str]:
    return [
        name
        for name in now
        if _is_read_whole(area.entities[name])
        or (name in before and traces.is_due(area.entities[name], before[name].keys, now[name]))
    ]


def _is_read_whole(entity: Entity) -> bool:
    """Whether each batch reads all rows there are, and what did not come is gone."""
    return entity.extract == "full" and entity.deletes == "detect"


def _tables(session: Session, area: Area, whereabouts: str = "") -> dict[str, Table]:
    """Read what the catalog says of the entities' tables."""
    found = catalog.tables(session, [entity.source_name for entity in area.entities.values()])
    return {
        name: catalog.require(
            found,
            entity.source_name,
            server=session.server,
            why=_why(area, name),
            whereabouts=whereabouts,
        )
        for name, entity in area.entities.items()
    }


def _why(area: Area, name: str) -> str:
    return f"entities.{name} of sql/{area.area}/area.yml"


def _checked_tables(session: Session, area: Area, whereabouts: str) -> dict[str, Table]:
    """Read the source's tables, and check them against area.yml."""
    tables = _tables(session, area, whereabouts)
    for name, entity in area.entities.items():
        table, why = tables[name], _why(area, name)
        named = [*entity.key, *([entity.watermark] if entity.watermark else [])]
        catalog.require_columns(table, named, server=session.server, why=why)
        if entity.watermark and table.type_of(entity.watermark) != _TIMESTAMPTZ:
            raise ContractError(
                f"{session.server}: the watermark {table.name}.{entity.watermark} is "
                f"{table.type_of(entity.watermark)}, and a window needs {_TIMESTAMPTZ}. "
                "Name another column, or set `extract: full`."
            )
        if not any(unique <= set(entity.key) for unique in table.unique):
            raise ContractError(
                f"{session.server}: no unique index of {table.name} lies within the key "
                f"({', '.join(entity.key)}), so two of its rows could be one row here. "
                "Correct `key`, or create the unique index."
            )
    return tables
