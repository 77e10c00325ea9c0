"""What one look at a source lands in MRR: rows, keys, and rows that no window has brought."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, refuse
from tidemark.layers import deletes, refused
from tidemark.layers.mirror import Mirror
from tidemark.model import FILE, ORIGIN, Positions, QualifiedName, Repair, Table, Window
from tidemark.postgres import compose, db, refusals, transfer, watermarks
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sessions import Servers
from tidemark.postgres.transfer import Landing, Streamed, Task
from tidemark.postgres.watermarks import Watermark
from tidemark.results import Counts, Look
from tidemark.sources import Delta, Itemized, Which, intake

Lineage = tuple[int, datetime]
"""The batch that writes a row, and the source's clock when it was read."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one extraction works on."""

    servers: Servers
    mrr: Session
    area: Area
    delta: Delta
    batch_id: int
    mirrors: Mapping[str, tuple[Mirror, Table]]
    positions: Positions
    """The positions from which the look went on."""
    counts: Mapping[str, Counts]

    @property
    def lineage(self) -> Lineage:
        """The lineage of the rows that this extraction writes."""
        return self.batch_id, self.delta.clock

    def window(self, name: str) -> Window:
        """The window that was read of an entity; without bounds if there is none."""
        return self.delta.windows.get(name, Window(None, None))


@dataclass(frozen=True, slots=True)
class Landed:
    """What has landed in MRR, and is to be merged."""

    to_merge: Sequence[str]
    compared: Sequence[str]
    """Entities whose keys are compared with those of the mirror."""
    keyed: Collection[str]
    """Those of them whose keys have landed apart from their rows."""
    streamed: Mapping[str, Sequence[Streamed]]
    """Entity -> its streams."""


def keys_of(entity: Entity, mirrored: Table) -> Landing:
    """Return the landing table of an entity's keys, with their watermarks if it has windows.

    No entity can have the name of this table.
    """
    names = dict.fromkeys(entity.key)
    if entity.watermark and entity.extract == "delta":
        names[entity.watermark] = None
    columns = mirrored.by_name
    return Landing(entity.work(transfer.KEYS), tuple(columns[name] for name in names))


def watermark(entity: Entity, mirrored: Table, window: Window) -> Watermark:
    """Return the watermark of an entity that has windows, as MRR has it."""
    column = mirrored.column(str(entity.watermark))
    zone, sequence = entity.watermark_zone, entity.sequence
    return watermarks.of(column, zone=zone, sequence=sequence, drawn=window.drawn)


def land(work: Work) -> Landed:
    """Land what is new, the keys that are compared, and the rows that no window has brought."""
    delta = work.delta
    keyed = [name for name in delta.compared if work.area.entities[name].extract == "delta"]
    streamed = _stream(work, [_rows(work, name) for name in delta.to_send] + _keys(work, keyed))
    # A table that is read as a whole has brought its keys, but for those of refused rows.
    unseen = [name for name in delta.compared if name in streamed and streamed[name].refused]
    suspects = [*_suspects(work), *(name for name in unseen if name not in keyed)]
    _stream(work, _keys(work, suspects))
    compared = list(dict.fromkeys([*delta.compared, *suspects]))
    overlooked = _overlooked(work, compared)
    # If all rows of an entity are fetched, they replace its new rows in the landing table. Rows of
    # single keys are added to the new rows.
    besides = [name for name in delta.to_send if overlooked.get(name) != "all"]
    fetched = _stream(
        work,
        [_rows(work, name, which, is_beside=name in besides) for name, which in overlooked.items()],
    )
    _tell(work, streamed, fetched)
    to_merge = list(dict.fromkeys([*delta.to_send, *fetched]))
    landed = {name: [of[name] for of in (streamed, fetched) if name in of] for name in to_merge}
    return Landed(to_merge, compared, {*keyed, *suspects}, landed)


def _rows(work: Work, name: str, which: Which = "new", *, is_beside: bool = False) -> Task:
    """Return the task that lands rows of an entity: it replaces what has landed, or adds to it."""
    target, table = work.mirrors[name]
    columns = tuple(column for column in table.columns if column.name in target.payload)
    return Task(
        intake.table(work.area.entities[name], columns, work.delta.tables[name]),
        partial(work.delta.send, name, which=which),
        adds=is_beside,
        refused=refused.landing(work.area.entities[name]),
    )


def relation(
    entity: Entity, payload: Sequence[str], landed: Sequence[Streamed], clock: datetime
) -> Composable:
    """Compose the relation of landed rows; those of files say where they were shown.

    Args:
        entity: whose rows they are.
        payload: the columns of the mirror.
        landed: what has landed.
        clock: of the look. The files of one look are a microsecond apart, in their order: so their
            versions have an order by time as well.
    """
    items = [each for one in landed if one.is_numbered for each in one.items]
    if FILE not in payload or not items:
        return db.name(*entity.landing)
    parts: Parts = {
        "landing": db.name(*entity.landing),
        "columns": Columns(tuple(one for one in payload if one not in ORIGIN)),
        "clock": db.literal(clock),
    }
    if len(items) == 1:  # The join takes a fifth of the time in which a large file is merged.
        ((first, item),) = items
        own = {"first": db.literal(first), "item": db.literal(item)}
        return compose.statement(__name__, "placed_in_one", parts, **own)
    return compose.statement(
        __name__,
        "placed",
        parts,
        firsts=db.literal([first for first, _ in items]),
        items=db.literal([item for _, item in items]),
    )


def last(
    entity: Entity, payload: Sequence[str], landed: Composable, *, since: int = 1
) -> Composable:
    """Compose the relation of the last version of each key, of a relation of landed rows.

    Args:
        entity: whose rows they are.
        payload: the columns of the mirror.
        landed: the relation.
        since: the number of the first row that is looked at.
    """
    return compose.statement(
        __name__,
        "last",
        key=Columns(entity.key),
        payload=Columns(tuple(payload)),
        landed=landed,
        since=db.literal(since),
    )


def _keys(work: Work, names: Iterable[str]) -> list[Task]:
    return [
        Task(
            keys_of(work.area.entities[name], work.mirrors[name][1]),
            partial(work.delta.send_keys, name),
        )
        for name in names
    ]


def _stream(work: Work, tasks: Sequence[Task]) -> Mapping[str, Streamed]:
    return transfer.land_all(work.servers, "mrr", tasks) if tasks else {}


def _tell(work: Work, streamed: Mapping[str, Streamed], fetched: Mapping[str, Streamed]) -> None:
    """Note for the log what was read, and how long it took."""
    delta, held = work.delta, time.monotonic() - work.delta.began
    for name in work.area.entities:
        own, items = work.counts[name], None
        if isinstance(delta, Itemized):
            items, own.remarks = len(delta.items[name]), tuple(delta.remarks(name))
        own.look = Look(work.window(name), delta.clock, held, items)
        own.fetched = fetched[name].rows if name in fetched else 0
        own.future = work.delta.future.get(name, 0)
    for landed in (streamed, fetched):
        for name in landed.keys() & work.counts.keys():
            work.counts[name].processed += landed[name].rows + landed[name].refused
            work.counts[name].spend("stream_seconds", landed[name].seconds)


def _suspects(work: Work) -> Sequence[str]:
    """Find the entities whose windows brought a new key: it may be an old one that was changed."""
    return [
        name
        for name in work.delta.to_send
        if may_be_suspect(work.area, work.delta, work.positions, name)
        and deletes.is_suspect(
            work.mrr, work.mirrors[name][0], db.name(*work.area.entities[name].landing)
        )
    ]


def may_be_suspect(area: Area, delta: Delta, known: Positions, name: str) -> bool:
    """Whether a new key in a window of an entity would call for a comparison of its keys."""
    entity = area.entities[name]
    return (
        entity.deletes == "detect"
        and entity.extract == "delta"
        and name in known
        and name in delta.to_send
        and name not in delta.compared
        and not isinstance(delta, Itemized)  # Sets of items delete, not single keys.
    )


def _overlooked(work: Work, compared: Sequence[str]) -> dict[str, Which]:
    """Find what to fetch: rows from before the windows that the mirrors lack or have otherwise."""
    found: dict[str, Which] = {}
    for name in compared:
        entity, (target, table) = work.area.entities[name], work.mirrors[name]
        low = work.window(name).low
        if low is not None:
            every, column = keys_of(entity, table), watermark(entity, table, work.window(name))
            keys = deletes.overlooked(work.mrr, target, every, column, low)
            found[name] = "all" if keys is None else keys
    return {name: which for name, which in found.items() if which}


def may_repeat(entity: Entity, shown: Table) -> bool:
    """Whether no index says that keys are unique. A table has one, or is refused (`sources`)."""
    return shown.kind != "table" and not shown.is_unique(entity.key)


def may_lack_key(entity: Entity, shown: Table) -> bool:
    """Whether nothing says that each row has a key. Rows of files without one do not land."""
    is_optional = any(not shown.column(name).not_null for name in entity.key)
    return is_optional or may_repeat(entity, shown)


def repeated(
    mrr: Session, area: Area, entity: Entity, shown: Table, landed: QualifiedName
) -> ContractError | None:
    """Say which key came more than once; None without one.

    Args:
        mrr: where rows or keys have landed.
        area: the area of the entity.
        entity: names the key.
        shown: what the source shows.
        landed: the landing table.
    """
    key = refusals.repeated_key(mrr, db.name(*landed), entity.key)
    if key is None:
        return None
    hint = f"no index says that the keys of a {shown.kind} are unique"
    if shown.kind == "table":
        hint = "a table that others inherit from has no unique index over them"
    return ContractError(
        f"{entity.name}: the snapshot of {shown.name} shows the key {key} more than once, and "
        f"nothing was moved. Make it one row ({hint}), or name another `key` in "
        f"sql/{area.area}/area.yml.",
        server=area.source.name,
        table=shown.name,
    )


def refuse_repeated(work: Work, rows: Iterable[str], keys: Iterable[str] = ()) -> None:
    """Refuse keys that came more than once, where no index of the source rules that out.

    The mirror alone would not notice each of them: two rows may both be equal to its row.

    Args:
        work: gives entities and what the source shows of them.
        rows: entities whose rows have landed.
        keys: entities whose keys have landed.

    Raises:
        ContractError: see `repeated`.
    """
    entities, shown = work.area.entities, work.delta.tables
    landed = [(entities[name], entities[name].landing) for name in rows]
    landed += [(entities[name], entities[name].work(transfer.KEYS)) for name in keys]
    for entity, table in landed:
        one = shown[entity.name]
        if may_repeat(entity, one):
            refuse(filter(None, [repeated(work.mrr, work.area, entity, one, table)]))


def land_resent(work: Work, repair: Repair) -> Mapping[str, Streamed]:
    """Land the rows of the keys that a repair names, and no others."""
    return _stream(work, [_rows(work, name, keys) for name, keys in repair.resent.items()])
