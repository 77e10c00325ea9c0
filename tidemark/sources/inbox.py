"""The inbox of events in MRR as a source.

A look takes the events that no batch has taken, whenever they were committed, and marks them in the
transaction that lands them (`Delta.landed`). So there is no window, no margin and no transaction to
wait for: what commits later is taken later.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.posted import EVENT_ID, RECEIVED_AT, EventsOfEntity
from tidemark.errors import ConnectError, NotLandedError, StatementError
from tidemark.layers import mirror
from tidemark.layers.checking import Checked
from tidemark.layers.positions import UNKNOWN
from tidemark.model import Column, Finding, Key, Positions, Table, Window
from tidemark.postgres import compose, db, transfer
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.db import Composable, Relation, Session
from tidemark.postgres.inlet import Out
from tidemark.postgres.sessions import Servers
from tidemark.sources import Which

_SEQ = Column("_seq", "bigint")
_REASONS = Column("_reasons", "text[]")
_NOTHING = "{}"
_NOT_THERE = {"22023", "42501", "42704", "42P01"}
"""What PostgreSQL says where there is no role, where it is not granted, and where no inbox is."""


def of(entity: Entity) -> EventsOfEntity:
    """Return the events of an entity that has such a source."""
    assert entity.events is not None, "an entity with events"
    return entity.events


def table(entity: Entity) -> Table:
    """Return what the events of an entity look like: as area.yml says, and how they came."""
    columns = [
        Column(EVENT_ID, "text", not_null=True),
        Column(RECEIVED_AT, "timestamp with time zone", not_null=True),
    ]
    for name, one in of(entity).fields.items():
        columns.append(Column(name, one.sql_type, not_null=one.required))
    return Table("tidemark.inbox", tuple(columns), unique=(frozenset({EVENT_ID}),))


class InboxSource:
    """The inbox: comparable, describable, watchable, examinable; its deltas are countable."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @contextmanager
    def open(self, area: Area, positions: Positions) -> Iterator[InboxDelta]:
        """See `Source.open`."""
        began = time.monotonic()
        with self._servers.session("mrr", f"look at {area.area}") as mrr:
            clock, found = _look(mrr, area)
            taken = _taken(mrr, area) if _anew(area, positions) else {}
        # What is read again first brings the mirror up to date: the next batch takes what is new.
        again = {name for name in taken if positions.get(name) == UNKNOWN}
        kinds = {of(entity).event: name for name, entity in area.entities.items()}
        new = {
            kinds[kind]: told
            for kind, told in found.items()
            if kind in kinds and kinds[kind] not in again
        }
        yield InboxDelta(
            area=area,
            clock=clock,
            began=began,
            anew={name: taken.get(name, 0) for name in _anew(area, positions)},
            _new={name: ids for name, (ids, _) in new.items()},
            _counts={name: count for name, (_, count) in new.items()},
            _servers=self._servers,
        )

    def tables(self, area: Area) -> Checked[Table]:
        """See `Describable.tables`: area.yml says it all."""
        return Checked({name: table(entity) for name, entity in area.entities.items()}, {})

    def has_new(self, area: Area, positions: Positions) -> bool:
        """See `Watchable.has_new`."""
        with self._servers.session("mrr", f"look at {area.area}") as mrr:
            return bool(mrr.value(compose.statement(__name__, "has_new"), _kinds(area)))

    def rows(self, area: Area) -> Mapping[str, int]:
        """See `Comparable.rows`: the events that were taken."""
        with self._servers.session("mrr", "status") as mrr:
            return dict.fromkeys(area.entities, 0) | _taken(mrr, area)

    @contextmanager
    def compare(self, area: Area, positions: Positions) -> Iterator[InboxComparison]:
        """See `Comparable.compare`."""
        with (
            self._servers.session("mrr", f"compare {area.area}") as mrr,
            mrr.rolled_back(transfer.READ_ONLY),
        ):
            clock, waiting = _look(mrr, area)
            yield InboxComparison(area, clock, mrr, waiting)

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """See `Examinable.examine`: are there events that no entity takes?"""
        name = area.source.name
        try:
            with self._servers.session("mrr", "doctor") as mrr:
                strange = mrr.rows(compose.statement(__name__, "strange"), _kinds(area))
        except ConnectError:
            return  # MRR itself has a finding.
        except StatementError as error:
            # So it has where a login lacks the role, and where nothing is migrated.
            if error.sqlstate not in _NOT_THERE:
                yield Finding(name, "problem", str(error))
            return
        yield Finding(name, "ok", f"events posted to {area.area}")
        for kind, count in strange:
            yield Finding(
                name,
                "warning",
                f"{count:,} events of kind {kind!r} wait, and no entity of {area.area} takes them. "
                f"Name the kind in sql/{area.area}/area.yml",
            )


def _look(mrr: Session, area: Area) -> tuple[datetime, dict[str, tuple[str, int]]]:
    """Read the clock, and what no batch has taken: kind -> ids and how many."""
    found = mrr.rows(compose.statement(__name__, "look"), {"area": area.area})
    return found[0][0], {kind: (ids, count) for _, kind, ids, count in found if kind}


def _kinds(area: Area) -> dict[str, object]:
    sourced = area.sourced.entities
    return {
        "area": area.area,
        "kinds": [of(one).event for one in sourced.values()],
        "entities": [*sourced],
    }


def _taken(mrr: Session, area: Area) -> dict[str, int]:
    counts: dict[str, int] = dict(
        mrr.rows(compose.statement(__name__, "count"), {"area": area.area})
    )
    of_names = {name: counts.get(of(one).event, 0) for name, one in area.entities.items()}
    return {name: count for name, count in of_names.items() if count}


def _anew(area: Area, known: Positions) -> list[str]:
    """Return the entities whose events are all taken again, since the mirror may lack some."""
    return [name for name in area.entities if known.get(name, {}) in ({}, UNKNOWN)]


def _rows(entity: Entity, area: Area, condition: Composable, seq: Composable) -> Composable:
    """Compose the events of an entity, as text, with what each lacks.

    Args:
        entity: whose events they are.
        area: its own.
        condition: which of them.
        seq: their order.
    """
    events = of(entity)
    values = [
        compose.statement(
            __name__, "json_of" if one.type == "jsonb" else "text_of", field=db.literal(name)
        )
        for name, one in events.fields.items()
    ]
    lacks = [
        compose.statement(__name__, "lacks", field=db.literal(name)) for name in events.required
    ]
    return compose.statement(
        __name__,
        "rows",
        values=values,
        fields=Columns(tuple(events.fields)),
        lacks=lacks or [db.raw("null")],
        area=db.literal(area.area),
        kind=db.literal(events.event),
        condition=condition,
        seq=seq,
    )


@dataclass(frozen=True, slots=True)
class InboxDelta:
    """The events that no batch has taken."""

    area: Area
    clock: datetime
    began: float
    anew: Mapping[str, int]
    """Entity whose events are all sent again -> how many were taken before."""
    _new: Mapping[str, str]
    """Entity -> the ids of its new events, as an int8multirange."""
    _counts: Mapping[str, int]
    _servers: Servers
    windows: Mapping[str, Window] = field(default_factory=dict)
    compared: Sequence[str] = ()
    compared_by: Mapping[str, datetime] = field(default_factory=dict)
    future: Mapping[str, int] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, Table]:
        """See `Delta.tables`."""
        return {name: table(entity) for name, entity in self.area.entities.items()}

    @property
    def to_send(self) -> Sequence[str]:
        """See `Delta.to_send`."""
        some = [name for name in self.area.entities if self.count(name)]
        return sorted(some, key=lambda name: -self.count(name))

    @property
    def whole(self) -> Collection[str]:
        """See `Delta.whole`."""
        return self.anew.keys()

    @property
    def positions(self) -> Positions:
        """See `Delta.positions`: which events were taken is written beside each of them."""
        return {name: {"": {"read_at": self.clock.isoformat()}} for name in self.area.entities}

    def count(self, entity: str) -> int:
        """See `Countable.count`."""
        return self._counts.get(entity, 0) + self.anew.get(entity, 0)

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """See `Delta.send`. Events that lack a field are refused, and so keep up no other."""
        named = self.area.entities[entity]
        rows, whole = self._rows(named, which), compose.statement(__name__, "is_whole")
        try:
            self._send(out, named, rows, whole, is_careful=False)
        except NotLandedError:
            self._send(out, named, rows, whole, is_careful=True)
        if not isinstance(which, str) or out.rows + out.refused < self.count(entity):
            lack = compose.statement(__name__, "lacks_some")
            self._send(out, named, rows, lack, is_careful=True)

    def _rows(self, named: Entity, which: Which) -> Composable:
        is_whole = which != "new" or named.name in self.anew
        ids = db.literal(self._new.get(named.name, _NOTHING))
        seen = compose.statement(__name__, "all" if is_whole else "new", ids=ids)
        seq = compose.statement(__name__, "taken" if is_whole else "arrived")
        rows = _rows(named, self.area, seen, seq)
        if isinstance(which, str):
            return rows
        shown = table(named)
        condition = compose.statement(
            __name__,
            "named",
            key=Columns(named.key),
            types=_types(named, named.key),
            names=[db.literal(shown.type_of(name)) for name in named.key],
            keys=mirror.key_rows(shown, named.key, which),
        )
        names = Columns((*shown.names, _SEQ.name, _REASONS.name))
        return compose.statement(__name__, "sent", columns=names, rows=rows, condition=condition)

    def _send(
        self,
        out: Out,
        named: Entity,
        rows: Composable,
        condition: Composable,
        *,
        is_careful: bool,
    ) -> None:
        columns = list(out.columns)
        # Events are rows of their own. Only of another key may several be versions of one row.
        columns += [_SEQ] if named.key != (EVENT_ID,) else []
        columns += [_REASONS] if is_careful else []
        parts: Parts = {"rows": rows, "condition": condition}
        names = Columns(tuple(column.name for column in columns))
        query = compose.statement(__name__, "sent", parts, columns=names)
        with self._servers.session("mrr", f"send {named.name}") as mrr:
            transfer.send(mrr, query, out, columns, binary=False, is_careful=is_careful)

    def send_keys(self, entity: str, out: Out) -> None:
        """See `Delta.send_keys`."""
        named = self.area.entities[entity]
        query = compose.statement(
            __name__,
            "keys",
            key=Columns(named.key),
            names=[db.literal(table(named).type_of(name)) for name in named.key],
            rows=self._rows(named, "all"),
        )
        with self._servers.session("mrr", f"send {entity}") as mrr:
            transfer.send(mrr, query, out, out.columns, binary=False)

    def landed(self, mrr: Session, batch_id: int) -> None:
        """See `Delta.landed`: the events that were sent are taken, and what was refused before."""
        which = {"area": self.area.area, "batch_id": batch_id, "entities": [*self.area.entities]}
        for ids in self._new.values():
            mrr.queue(compose.statement(__name__, "end_refused"), {**which, "ids": ids})
        mrr.queue(compose.statement(__name__, "take_refused"), which)
        for ids in self._new.values():
            mrr.queue(
                compose.statement(
                    __name__,
                    "take",
                    batch_id=db.literal(batch_id),
                    area=db.literal(self.area.area),
                    ids=db.literal(ids),
                )
            )


@dataclass(frozen=True, slots=True)
class InboxComparison:
    """The events that were taken, beside the mirrors."""

    _area: Area
    clock: datetime
    _mrr: Session
    _waiting: Mapping[str, tuple[str, int]]

    @property
    def tables(self) -> Mapping[str, Table]:
        """See `Comparison.tables`."""
        return {name: table(entity) for name, entity in self._area.entities.items()}

    def relation(self, entity: str, columns: Sequence[str]) -> Relation:
        """See `Comparison.relation`. An event that waits says nothing of the mirror."""
        named = self._area.entities[entity]
        taken = compose.statement(__name__, "all", ids=db.literal(_NOTHING))
        seq = compose.statement(__name__, "taken")
        rows = compose.statement(
            __name__,
            "compared",
            key=Columns(named.key),
            types=_types(named, named.key),
            columns=Columns(tuple(columns)),
            texts=_texts(columns, _types(named, columns)),
            rows=_rows(named, self._area, taken, seq),
            area=db.literal(self._area.area),
            entity=db.literal(entity),
        )
        return Relation(self._mrr, rows)

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """See `Comparison.pending_keys`. What waits is not compared."""
        return []

    def will_compare_keys(self, entity: str, *, is_deleted: bool) -> bool:
        """See `Comparison.will_compare_keys`: nothing takes an event back."""
        return False

    def remarks(self) -> Iterator[str]:
        """See `Comparison.remarks`: how many events wait."""
        for kind, (_, count) in self._waiting.items():
            yield f"{kind}: {count:,} events have come, and the next batch takes them"


def _types(named: Entity, columns: Sequence[str]) -> list[Composable]:
    """Return the types of columns, as the mirror has them."""
    shown = table(named)
    return [db.raw(shown.type_of(name)) for name in columns]


def _texts(columns: Sequence[str], types: Sequence[Composable]) -> list[Composable]:
    """Compose the columns as the mirror's values read as text."""
    return [
        compose.statement(__name__, "as_text", column=db.name("c", name), type=one)
        for name, one in zip(columns, types, strict=True)
    ]
