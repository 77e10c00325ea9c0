"""First hop: from the source into the raw mirror (MRR)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tidemark.declare.config import Area, Entity
from tidemark.errors import ContractError, RefusedRowError
from tidemark.layers import (
    deletes,
    drift,
    mirror,
    positions,
    versions,
)
from tidemark.layers.mirror import Mirror
from tidemark.model import (
    NO_OVERRIDES,
    Counts,
    HopResult,
    Key,
    Overrides,
    Positions,
    Repair,
    Table,
    Window,
)
from tidemark.postgres import (
    compose,
    db,
    inlet,
    refusals,
    transfer,
)
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Servers, Session
from tidemark.postgres.transfer import Landing, Streamed, Task
from tidemark.sources import Delta, Source, Which

Lineage = tuple[int, datetime]
"""The batch that writes a row, and the source's clock when it was read."""


def run(
    servers: Servers,
    area: Area,
    batch_id: int,
    source: Source,
    *,
    overrides: Overrides = NO_OVERRIDES,
) -> HopResult:
    """Read what is new of each entity in one consistent look, and merge it into the mirror.

    A batch that MRR has applied already, or that a later one has overtaken, does nothing.

    Args:
        servers: those of the project.
        area: what to extract.
        batch_id: the batch that writes it.
        source: where the rows come from.
        overrides: what a person asks of this extraction.

    Raises:
        UnknownNameError: the overrides name no entity of the area.
        ContractError, WindowError: before anything moves.
        DeleteGuardError: more is gone from the source than may be; MRR is as it was.
        StatementError, ConnectError: MRR is as it was, the positions too.
    """
    start = time.monotonic()
    refreshed = {area.entity(name).name for name in overrides.refresh}
    counts = {name: Counts() for name in area.entities}
    with (
        servers.session("mrr", f"extract {area.area}") as mrr,
        mirror.applying(servers, mrr, area.area) as after,
    ):
        if after < batch_id:
            known = positions.known(mrr, area, refreshed=refreshed)
            with source.open(area, known) as delta:
                mirrors = _following(mrr, area, delta.tables, counts)
                work = _Work(servers, mrr, area, delta, batch_id, mirrors, known, counts)
                if overrides.repair:
                    again = _land_again(work, overrides.repair)
                else:
                    landed = _land(work)
            # The look at the source is over: it keeps the source from vacuum no longer.
            with _key_named(mrr, area):
                if overrides.repair:
                    _repair(work, overrides.repair, again)
                else:
                    _apply(work, landed, refreshed, accept_deletes=overrides.accept_deletes)
    return HopResult("extract", area.area, batch_id, time.monotonic() - start, counts)


@contextmanager
def _key_named(mrr: Session, area: Area) -> Iterator[None]:
    """Say which key a snapshot shows twice: the rows that landed are there."""
    try:
        yield
    except RefusedRowError as error:
        if error.sqlstate != mirror.UNIQUE_VIOLATION or error.entity not in area.entities:
            raise
        entity = area.entities[error.entity]
        key = refusals.repeated_key(mrr, db.name(*entity.landing), entity.key)
        if key is None:
            raise
        raise ContractError(
            f"{error.entity}: the snapshot of {'.'.join(entity.source_name)} shows the key {key} "
            "more than once, and nothing was moved. Make it one row (a table that others inherit "
            "from has no unique index over them), or name another `key` in "
            f"sql/{area.area}/area.yml."
        ) from error


@dataclass(frozen=True, slots=True)
class _Work:
    """What one extraction works on."""

    servers: Servers
    mrr: Session
    area: Area
    delta: Delta
    batch_id: int
    mirrors: Mapping[str, tuple[Mirror, Table]]
    positions: Positions
    """Where the look went on from."""
    counts: Mapping[str, Counts]

    @property
    def lineage(self) -> Lineage:
        """What the rows are marked with."""
        return self.batch_id, self.delta.clock

    def window(self, name: str) -> Window:
        """What was read of an entity, as a span of time."""
        return self.delta.windows.get(name, Window(None, None))


@dataclass(frozen=True, slots=True)
class _Landed:
    """What has landed in MRR, and is to be merged."""

    pending: Sequence[str]
    compared: Sequence[str]
    """Entities whose keys have landed."""
    streamed: Mapping[str, Sequence[Streamed]]
    """Entity -> what came of it."""


def keys_of(entity: Entity, mirrored: Table) -> Landing:
    """Return the landing table of an entity's keys, each with its watermark where windows need one.

    No entity can have its name.
    """
    names = dict.fromkeys(entity.key)
    if entity.watermark and entity.extract == "delta":
        names[entity.watermark] = None
    columns = {column.name: column for column in mirrored.columns}
    return Landing(entity.work(transfer.KEYS), tuple(columns[name] for name in names))


def _land(work: _Work) -> _Landed:
    """Land what is new, the keys that are compared, and the rows that no window has brought."""
    delta = work.delta
    keyed = [name for name in delta.compared if work.area.entities[name].extract == "delta"]
    streamed = _stream(work, [_rows(work, name) for name in delta.pending] + _keys(work, keyed))
    suspects = _suspects(work)
    _stream(work, _keys(work, suspects))
    compared = [*delta.compared, *suspects]
    overlooked = _overlooked(work, compared)
    # All there is takes the place of what is new of it; single keys come beside that.
    besides = [name for name in delta.pending if overlooked.get(name) != "all"]
    fetched = _stream(
        work,
        [_rows(work, name, which, is_beside=name in besides) for name, which in overlooked.items()],
    )
    _tell(work, streamed, fetched)
    pending = list(dict.fromkeys([*delta.pending, *fetched]))
    landed = {name: [of[name] for of in (streamed, fetched) if name in of] for name in pending}
    return _Landed(pending, compared, landed)


def _rows(work: _Work, name: str, which: Which = "new", *, is_beside: bool = False) -> Task:
    """Return the task that lands rows of an entity, in place of what has landed or beside it."""
    target, table = work.mirrors[name]
    columns = tuple(column for column in table.columns if column.name in target.payload)
    return Task(
        Landing(work.area.entities[name].landing, columns + inlet.OWN_COLUMNS),
        partial(work.delta.send, name, which=which),
        adds=is_beside,
    )


def _keys(work: _Work, names: Iterable[str]) -> list[Task]:
    return [
        Task(
            keys_of(work.area.entities[name], work.mirrors[name][1]),
            partial(work.delta.send_keys, name),
        )
        for name in names
    ]


def _stream(work: _Work, tasks: Sequence[Task]) -> Mapping[str, Streamed]:
    if not tasks:
        return {}
    transfer.prepare(work.mrr, [task.landing for task in tasks])
    return transfer.land_all(work.servers, "mrr", tasks)


def _tell(work: _Work, streamed: Mapping[str, Streamed], fetched: Mapping[str, Streamed]) -> None:
    """Say in the log what was read, and how long it took."""
    held = round(time.monotonic() - work.delta.began, 3)
    for name in work.area.entities:
        about = _about(work.window(name), work.delta.clock)
        work.counts[name].info.update(about, snapshot_seconds=held)
        work.counts[name].note("fetched", fetched[name].rows if name in fetched else 0)
        work.counts[name].note("future", work.delta.future.get(name, 0))
    for landed in (streamed, fetched):
        for name in landed.keys() & work.counts.keys():
            work.counts[name].processed += landed[name].rows
            work.counts[name].spend("stream_seconds", landed[name].seconds)


def _suspects(work: _Work) -> Sequence[str]:
    """Find the entities whose windows brought a key that may be an old one, changed."""
    return [
        name
        for name in work.delta.pending
        if may_be_suspect(work.area, work.delta, work.positions, name)
        and deletes.is_suspect(
            work.mrr, work.mirrors[name][0], db.name(*work.area.entities[name].landing)
        )
    ]


def may_be_suspect(area: Area, delta: Delta, known: Positions, name: str) -> bool:
    """Whether keys of an entity, that a window brings, may be old ones that nobody compares."""
    entity = area.entities[name]
    return (
        entity.deletes == "detect"
        and entity.extract == "delta"
        and name in known
        and name in delta.pending
        and name not in delta.compared
    )


def _overlooked(work: _Work, compared: Sequence[str]) -> dict[str, Which]:
    """Find what to fetch: rows that changed before the windows, and are not so in the mirrors."""
    found: dict[str, Which] = {}
    for name in compared:
        entity, (target, table) = work.area.entities[name], work.mirrors[name]
        low = work.window(name).low
        if low is not None:
            keys = deletes.overlooked(work.mrr, entity, target, keys_of(entity, table), low)
            found[name] = "all" if keys is None else keys
    return {name: which for name, which in found.items() if which}


def _apply(
    work: _Work, landed: _Landed, refreshed: Collection[str], *, accept_deletes: bool
) -> None:
    """Merge what has landed, in one transaction with the positions and the applied batch."""
    reached = work.delta.positions
    with work.mrr.transaction():
        for name in landed.compared:
            _delete(work, name, accept=accept_deletes)
        for name in landed.pending:
            _merge(work, name, landed.streamed[name])
            _keep_refused(work, name, landed.streamed[name])
        work.delta.landed(work.mrr)
        positions.move(work.mrr, work.area, reached, work.batch_id)
        _record(work, positions.marks(reached), refreshed=refreshed)


def _land_again(work: _Work, repair: Repair) -> Mapping[str, Streamed]:
    return _stream(work, [_rows(work, name, keys) for name, keys in repair.again.items()])


def _repair(work: _Work, repair: Repair, streamed: Mapping[str, Streamed]) -> None:
    """Write the rows of these keys anew: as the source has them, and else as they are in MRR."""
    with work.mrr.transaction():
        for name, keys in repair.again.items():
            entity, mirrored = work.area.entities[name], work.mirrors[name]
            again = _again(entity, mirrored, keys, work.lineage)
            work.counts[name].processed = streamed[name].rows
            work.counts[name].add(mirror.apply(work.mrr, mirrored[0], again, anew=True))
        _record(work, positions.marks(work.positions), is_repair=True)


def _again(
    entity: Entity, mirrored: tuple[Mirror, Table], keys: Sequence[Key], lineage: Lineage
) -> Composable:
    target, table = mirrored
    batch_id, clock = lineage
    return compose.statement(
        __name__,
        "again",
        payload=Columns(target.payload),
        key=Columns(target.key),
        mirror=target.name,
        landing=db.name(*entity.landing),
        keys=mirror.keys(table, target.key, keys),
        batch_id=db.literal(batch_id),
        clock=db.literal(clock),
        deleted_at=db.literal(clock if entity.deletes == "detect" else None),
    )


def _following(
    mrr: Session, area: Area, tables: Mapping[str, Table], counts: Mapping[str, Counts]
) -> Mapping[str, tuple[Mirror, Table]]:
    """Read the mirrors after they have followed the source, and say in the log how."""
    mirrors = mirror.read(mrr, area)
    differences = drift.compare(area, tables, mirrors)
    followed = drift.follow(mrr, mirrors, differences)
    for name in {difference.entity for difference in followed}:
        counts[name].info["drift"] = "; ".join(d.what for d in followed if d.entity == name)
    return mirror.read(mrr, area) if followed else mirrors


def _delete(work: _Work, name: str, *, accept: bool) -> None:
    entity, (target, table) = work.area.entities[name], work.mirrors[name]
    # What is read as a whole has brought its keys with its rows.
    keys = keys_of(entity, table) if entity.extract == "delta" else Landing(entity.landing, ())
    with work.counts[name].timed("apply_seconds"):
        work.counts[name].deleted = deletes.apply(
            work.mrr, entity, target, keys, work.lineage, accept=accept
        )


def _merge(work: _Work, name: str, landed: Sequence[Streamed]) -> None:
    target = work.mirrors[name][0]
    brought = {column for one in landed for column in one.brought}
    # Where no item says otherwise, each row is the one version of its key.
    is_ordered = not brought.isdisjoint({"_seq", "_deleted_at"})
    incoming = compose.statement(
        __name__,
        "versions" if is_ordered else "incoming",
        payload=Columns(target.payload),
        landing=db.name(*work.area.entities[name].landing),
        batch_id=db.literal(work.batch_id),
        extracted_at=db.literal(work.delta.clock),
    )
    with work.counts[name].timed("apply_seconds"), refusals.named(name, mrr=refusals.MERGING):
        _refuse_null_keys(work, name, target.key)
        merge = versions.apply if is_ordered else mirror.apply
        work.counts[name].add(merge(work.mrr, target, incoming))


def _keep_refused(work: _Work, name: str, landed: Sequence[Streamed]) -> None:
    """Keep the rows that could not become rows of the mirror, beside those that could."""
    for row in (row for one in landed for row in one.refused):
        work.counts[name].rejected += 1
        work.mrr.run(
            compose.statement(__name__, "keep_refused"),
            {
                "area": work.area.area,
                "entity": name,
                "item": row.item,
                "line": row.line,
                "row_text": row.text,
                "reasons": list(row.reasons),
                "batch_id": work.batch_id,
                "clock": work.delta.clock,
            },
        )


def _refuse_null_keys(work: _Work, name: str, key: Sequence[str]) -> None:
    rows, *nulls = work.mrr.one(
        compose.statement(
            __name__,
            "null_keys",
            key=Columns(tuple(key)),
            landing=db.name(*work.area.entities[name].landing),
        )
    )
    if rows:
        columns = ", ".join(column for column, count in zip(key, nulls, strict=True) if count)
        raise RefusedRowError(
            "mrr",
            f"the key is null in {rows} rows ({columns})",
            sqlstate="23502",
            entity=name,
            todo="Correct them at the source, or name another `key` in "
            f"sql/{work.area.area}/area.yml.",
        )


def _record(
    work: _Work,
    marks: Mapping[str, datetime],
    *,
    is_repair: bool = False,
    refreshed: Collection[str] = (),
) -> None:
    """Record the batch with the marks that hold after it: the last batch tells those of all."""
    mirror.record_applied(
        work.mrr,
        work.area,
        work.batch_id,
        {name: high.isoformat() for name, high in marks.items()},
        is_repair=is_repair,
        refreshed=refreshed,
    )


def _about(window: Window, clock: datetime) -> dict[str, object]:
    """Say in the log what was read, and what held the bound back."""
    about: dict[str, object] = {
        "low": window.low.isoformat() if window.low else None,
        "high": window.high.isoformat() if window.high else None,
        "source_clock": clock.isoformat(),
    }
    if window.held_by:
        about["held_back_by"] = str(window.held_by)
    return about
