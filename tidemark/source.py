"""Where rows come from: one narrow protocol, and PostgreSQL behind it.

Files, posted events and change capture become sources beside `PostgresSource`; the extract hop
knows the protocol alone.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from tidemark import catalog, db, mirror, traces, transfer, watermark
from tidemark.config import Area, Entity
from tidemark.db import Composable, Servers, Session
from tidemark.errors import ContractError, NullWatermarkError
from tidemark.mirror import Mirror
from tidemark.model import Key, KeysCompared, Table, Window
from tidemark.transfer import Job, Landing, Streamed

_TIMESTAMPTZ = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Reading:
    """One consistent look at a source."""

    snapshot: str
    began: float
    """`time.monotonic()` when the snapshot was taken; it holds back the source's vacuum since."""
    clock: datetime
    """The source's clock when the bound was read: the rows' `_extracted_at`."""
    windows: Mapping[str, Window]
    pending: Sequence[str]
    """Entities whose window holds rows, the largest first."""
    seen: Mapping[str, KeysCompared]
    """Entity -> what is known where its keys are compared now, of those that can be."""
    compared: Sequence[str]
    """Entities whose keys have to be compared, those among them that are read as a whole."""
    future: Mapping[str, int]
    """Entity -> rows whose watermark lies in the future, where there are any: no window has them
    before then."""


class Source(Protocol):
    """What the extract hop asks of a source."""

    def describe(self, area: Area) -> Mapping[str, Table]:
        """Read what the entities' tables look like."""
        ...

    def read(
        self, area: Area, marks: Mapping[str, datetime], compared: Mapping[str, KeysCompared]
    ) -> AbstractContextManager[Reading]:
        """Look at what is new since marks; the look stays consistent in the block.

        It reads the tables that `describe` saw last. `compared` says what was known when keys were
        compared last. An entity that it lacks has no row yet that a comparison could miss.
        """
        ...

    def count(self, area: Area, reading: Reading, entity: str) -> int:
        """Count the rows in an entity's window."""
        ...

    def send_keys(self, entity: Entity, receiver: Session, landing: Landing) -> None:
        """Fill a table of `receiver` with all keys of an entity."""
        ...

    def land(
        self, area: Area, mirrors: Mapping[str, tuple[Mirror, Table]], reading: Reading
    ) -> Mapping[str, Streamed]:
        """Fill the landing tables of the pending entities in MRR, and `keys` of those compared.

        The landing table of an entity that is read as a whole has its keys.
        """
        ...

    def land_keys(
        self,
        area: Area,
        mirrors: Mapping[str, tuple[Mirror, Table]],
        reading: Reading,
        entities: Collection[str],
    ) -> None:
        """Fill `keys` of these entities in MRR."""
        ...

    def land_again(
        self,
        area: Area,
        mirrors: Mapping[str, tuple[Mirror, Table]],
        reading: Reading,
        keys: Mapping[str, Sequence[Key] | None],
        *,
        beside: Collection[str] = (),
    ) -> Mapping[str, Streamed]:
        """Fill the landing tables with the rows of these keys, whatever the windows say.

        None: with all rows that changed before the window. The entities of `beside` keep what has
        landed already.
        """
        ...


def keys_of(entity: Entity, mirrored: Table) -> Landing:
    """Return the landing table of an entity's keys, each with its watermark where windows need one.

    No entity can have its name.
    """
    names = dict.fromkeys(entity.key)
    if entity.watermark and entity.extract == "delta":
        names[entity.watermark] = None
    columns = {column.name: column for column in mirrored.columns}
    return Landing(entity.work(transfer.KEYS), tuple(columns[name] for name in names))


def limits(area: Area) -> Composable:
    """Compose what keeps a transaction on the source from standing in the application's way."""
    return db.compose(
        "source",
        "limits",
        statement_timeout=_milliseconds(area.source.limits.statement_timeout),
        lock_timeout=_milliseconds(area.source.limits.lock_timeout),
    )


def _milliseconds(duration: timedelta) -> Composable:
    return db.literal(duration // timedelta(milliseconds=1))


class PostgresSource:
    """A PostgreSQL database, read at one snapshot that all parallel streams share."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._tables: dict[str, Table] = {}
        self._session: Session | None = None

    def describe(self, area: Area) -> Mapping[str, Table]:
        """See `Source.describe`.

        Raises:
            ContractError: a table or column that area.yml names is missing or of no use.
        """
        with self._servers.session(area.source.name, f"extract {area.area}") as session:
            self._tables = _checked_tables(session, area, self._servers.whereabouts(session.server))
        return self._tables

    @contextmanager
    def read(
        self, area: Area, marks: Mapping[str, datetime], compared: Mapping[str, KeysCompared]
    ) -> Iterator[Reading]:
        """See `Source.read`.

        Raises:
            WindowError: no safe upper bound is known.
            NullWatermarkError: rows that no window would ever contain.
        """
        with self._servers.session(area.source.name, f"extract {area.area}") as session:
            seen = watermark.activity(session, area)
            windows = watermark.windows(area, marks, seen)
            now = {
                name: KeysCompared(traces.read(session, entity), seen.clock)
                for name, entity in area.entities.items()
                if entity.deletes == "detect" and entity.extract == "delta"
            }
            self._session = session
            with session.transaction(transfer.READ_ONLY):
                session.run(limits(area))
                began = time.monotonic()
                snapshot = session.value(db.compose("source", "export_snapshot"))
                future = {
                    name: rows
                    for name, entity in area.entities.items()
                    if (rows := self._beyond_windows(session, area, entity, seen.clock))
                }
                pending = [name for name in windows if self._has_rows(area, name, windows[name])]
                pending.sort(key=lambda name: -self._tables[name].rows)
                yield Reading(
                    snapshot=snapshot,
                    began=began,
                    clock=seen.clock,
                    windows=windows,
                    pending=pending,
                    seen=now,
                    compared=_to_compare(area, compared, now),
                    future=future,
                )

    def count(self, area: Area, reading: Reading, entity: str) -> int:
        """See `Source.count`; exact, and as costly as reading the window's index."""
        assert self._session is not None, "count() is called inside of read()"
        return int(
            self._session.value(
                db.compose(
                    "source",
                    "count",
                    source=db.name(*area.entities[entity].source_name),
                    condition=watermark.condition(area.entities[entity], reading.windows[entity]),
                )
            )
        )

    def send_keys(self, entity: Entity, receiver: Session, landing: Landing) -> None:
        """See `Source.send_keys`."""
        assert self._session is not None, "send_keys() is called inside of read()"
        transfer.stream(self._session, receiver, self._keys(entity, landing))

    def land(
        self, area: Area, mirrors: Mapping[str, tuple[Mirror, Table]], reading: Reading
    ) -> Mapping[str, Streamed]:
        """See `Source.land`."""
        jobs = [
            self._job(
                area.entities[name],
                *mirrors[name],
                watermark.condition(area.entities[name], reading.windows[name]),
            )
            for name in reading.pending
        ]
        jobs += [
            self._keys(area.entities[name], keys_of(area.entities[name], mirrors[name][1]))
            for name in reading.compared
            if area.entities[name].extract == "delta"
        ]
        return self._stream(area, reading, jobs)

    def land_keys(
        self,
        area: Area,
        mirrors: Mapping[str, tuple[Mirror, Table]],
        reading: Reading,
        entities: Collection[str],
    ) -> None:
        """See `Source.land_keys`."""
        jobs = [
            self._keys(area.entities[name], keys_of(area.entities[name], mirrors[name][1]))
            for name in entities
        ]
        self._stream(area, reading, jobs)

    def land_again(
        self,
        area: Area,
        mirrors: Mapping[str, tuple[Mirror, Table]],
        reading: Reading,
        keys: Mapping[str, Sequence[Key] | None],
        *,
        beside: Collection[str] = (),
    ) -> Mapping[str, Streamed]:
        """See `Source.land_again`."""
        jobs = []
        for name, values in keys.items():
            entity = area.entities[name]
            if values is None:
                condition = watermark.before(entity, reading.windows[name])
            else:
                named = mirror.keys(self._tables[name], entity.key, values)
                condition = db.compose("source", "named", key=db.names(entity.key), keys=named)
            job = self._job(entity, *mirrors[name], condition)
            jobs.append(replace(job, adds=name in beside))
        return self._stream(area, reading, jobs)

    def _stream(self, area: Area, reading: Reading, jobs: Sequence[Job]) -> Mapping[str, Streamed]:
        if not jobs:
            return {}
        with self._servers.session("mrr", f"extract {area.area}") as mrr:
            transfer.prepare(mrr, [job.landing for job in jobs])
        return transfer.stream_all(
            self._servers,
            sender=(area.source.name, reading.snapshot),
            receiver="mrr",
            jobs=jobs,
            limits=limits(area),
        )

    def _job(self, entity: Entity, target: Mirror, table: Table, condition: Composable) -> Job:
        columns = [column for column in table.columns if column.name in target.payload]
        types = {column.name: column for column in self._tables[entity.name].columns}
        return Job(
            landing=Landing(entity.landing, tuple(columns)),
            query=db.compose(
                "source",
                "rows",
                columns=db.names(target.payload),
                source=db.name(*entity.source_name),
                condition=condition,
            ),
            binary=transfer.is_binary_safe([types[name] for name in target.payload], columns),
        )

    def _keys(self, entity: Entity, landing: Landing) -> Job:
        types = {column.name: column for column in self._tables[entity.name].columns}
        names = [column.name for column in landing.columns]
        return Job(
            landing=landing,
            query=db.compose(
                "source",
                "rows",
                columns=db.names(names),
                source=db.name(*entity.source_name),
                condition=db.text("true"),
            ),
            binary=transfer.is_binary_safe([types[name] for name in names], landing.columns),
        )

    def _has_rows(self, area: Area, name: str, window: Window) -> bool:
        assert self._session is not None, "called inside of read()"
        entity = area.entities[name]
        if window.is_empty:
            return False
        # Of a table that is read as a whole, nothing says as much as something: all is gone.
        return _is_read_whole(entity) or bool(
            self._session.value(
                db.compose(
                    "watermark",
                    "has_rows",
                    source=db.name(*entity.source_name),
                    condition=watermark.condition(entity, window),
                )
            )
        )

    def _beyond_windows(self, session: Session, area: Area, entity: Entity, clock: datetime) -> int:
        """Count rows that come when the clock is there; refuse those that never come."""
        if entity.watermark is None or entity.extract == "full":
            return 0
        without, endless, future = watermark.beyond(session, entity, clock)
        if without or endless:
            lack = f"{without} rows have no {entity.watermark}"
            if not without:
                lack = f"{endless} rows have {entity.watermark} at infinity or after 9999-12-30"
            raise NullWatermarkError(
                f"{entity.name}: {lack}, so no window would ever contain them. Backfill the "
                f"column, or set `extract: full` in sql/{area.area}/area.yml."
            )
        return future


def _to_compare(
    area: Area, before: Mapping[str, KeysCompared], now: Mapping[str, KeysCompared]
) -> list[str]:
    whole = [name for name, entity in area.entities.items() if _is_read_whole(entity)]
    due = [
        name
        for name in now.keys() & before.keys()
        if traces.is_due(area.entities[name], before[name], now[name])
    ]
    return whole + due


def _is_read_whole(entity: Entity) -> bool:
    """Whether each batch reads all rows there are, and what did not come is gone."""
    return entity.extract == "full" and entity.deletes == "detect"


def _checked_tables(session: Session, area: Area, whereabouts: str) -> dict[str, Table]:
    """Read the source's tables, and check them against area.yml."""
    found = catalog.tables(session, [entity.source_name for entity in area.entities.values()])
    tables: dict[str, Table] = {}
    for name, entity in area.entities.items():
        why = f"entities.{name} of sql/{area.area}/area.yml"
        table = catalog.require(
            found, entity.source_name, server=session.server, why=why, whereabouts=whereabouts
        )
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
        tables[name] = table
    return tables
