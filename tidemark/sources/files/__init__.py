"""Files as a source: a folder or a bucket where others drop them.

Every file is taken once, however often a run dies: that it was taken is committed with its rows. A
file that changed is taken again, and its rows are newer versions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.reading import Files
from tidemark.errors import TidemarkError, refuse
from tidemark.layers import checking
from tidemark.layers.checking import Checked
from tidemark.layers.mirror import LINEAGE
from tidemark.layers.positions import at_hand
from tidemark.layers.positions import read as positions_of
from tidemark.model import ORIGIN, Column, Finding, Positions, Table
from tidemark.postgres import catalog, question
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers, connect
from tidemark.sources.files import listing, shapes, urls
from tidemark.sources.files.comparison import Compared, FilesComparison
from tidemark.sources.files.delta import FilesDelta, Look
from tidemark.sources.files.listing import Placed, There
from tidemark.sources.files.shapes import Shape
from tidemark.sources.files.taken import Known

_Mirrored = Mapping[str, Mapping[str, Column]]
_POSITIONS = ("tidemark", "source_position")


class FilesSource:
    """A folder or a bucket: it has all abilities of a source, and its deltas are itemized."""

    def __init__(self, servers: Servers, area: Area) -> None:
        self._servers = servers
        assert isinstance(area.source, Files), "an area whose source is files"
        self._name, folder = area.source.name, area.folder
        url = servers.urls.get(self._name) or area.source.url
        self._store = urls.store(
            url, home=folder.parents[1] if folder else Path(), source=self._name
        )

    @contextmanager
    def open(self, area: Area, positions: Positions) -> Iterator[FilesDelta]:
        """See `Source.open`.

        Raises:
            ContractError: a file that stops the run: it can't be read, or lacks columns.
            ConnectError: the folder or bucket is not there, or can't be listed.
        """
        known = {name: Known.of(positions.get(name, {})) for name in area.entities}
        began, now = time.monotonic(), datetime.now(UTC)
        clock = _clock(now, known.values())
        there = self._there(area, known, now)
        with self._servers.session("mrr", f"look at {area.area}") as mrr:
            mirrored = _mirrored(mrr, area)
            known |= _left_out(mrr, area, known, there)
        looks = self._looks(area, there, known, clock, mirrored)
        refuse(problem for look in looks.values() for problem in look.stopping(self._name))
        yield FilesDelta(
            area=area,
            clock=clock,
            began=began,
            looks=looks,
            _store=self._store,
        )

    def has_new(self, area: Area, positions: Positions) -> bool:
        """See `Watchable.has_new`.

        If all files have to be listed, the days of the lookback come first: they may answer it.
        """
        known = {name: Known.of(positions.get(name, {})) for name in area.entities}
        now = datetime.now(UTC)
        clock = _clock(now, known.values())
        with self._servers.session("mrr", f"look at {area.area}") as mrr:
            for name, entity in area.entities.items():
                of_name = {name: known[name]}
                for there in listing.by_turns(self._store, entity.reading, known[name].whole, now):
                    own = (of_name | _left_out(mrr, area, of_name, {name: there}))[name]
                    are_sets = entity.deletes == "detect"
                    if listing.of(self._store, there, own, clock, are_sets=are_sets).new:
                        return True
        return False

    def tables(self, area: Area) -> Checked[Table]:
        """See `Describable.tables`. Of an entity without a readable file nothing is known.

        Files that were taken are not opened again: MRR has their columns.
        """
        purpose = f"describe {area.area}"
        with closing(
            connect(self._servers.dsns["mrr"], "mrr", purpose=purpose, as_etl=False)
        ) as mrr:
            mirrored, stored, now = _mirrored(mrr, area), _stored(mrr, area), datetime.now(UTC)
            # Without a mirror there is nobody else to ask for the columns.
            taken = {name: stored.get(name, {}) for name in area.entities if name in mirrored}
            known = {name: Known.of(taken.get(name, {})) for name in area.entities}
            there = self._there(area, known, now)
            known |= _left_out(mrr, area, known, there)
        looks = self._looks(area, there, known, now, mirrored)
        found = {name: one for name, one in looks.items() if one.shape.is_known}
        return checking.each(
            (area.entities[name] for name in found),
            lambda entity: found[entity.name].stopping(self._name),
            lambda entity: found[entity.name].shape.table(entity),
        )

    @contextmanager
    def compare(self, area: Area, positions: Positions) -> Iterator[FilesComparison]:
        """See `Comparable.compare`; each file is read again."""
        with ExitStack() as stack:
            mrr = stack.enter_context(self._servers.session("mrr", f"compare {area.area}"))
            mirrored, compared = _mirrored(mrr, area), {}
            for name, entity in area.entities.items():
                known = Known.of(positions.get(name, {}))
                here = listing.here(self._store, entity.reading)
                shape = Shape(mirrored.get(name, {}), known.columns)
                compared[name] = Compared(entity, known, here, shape.table(entity))
            yield FilesComparison(datetime.now(UTC), compared, self._store, mrr, stack)

    def examine(self, area: Area, positions: Positions | None) -> Iterator[Finding]:
        """See `Examinable.examine`: can files be listed, and the last one be read?"""
        yield Finding(self._name, "ok", f"files at {self._store.url}")
        for name, entity in area.entities.items():
            try:
                yield self._examined(entity, Known.of((positions or {}).get(name, {})))
            except TidemarkError as error:
                yield Finding(self._name, "problem", str(error))
                return

    def _examined(self, entity: Entity, known: Known) -> Finding:
        reading = entity.reading
        here = listing.here(self._store, reading)
        what = f"{entity.name}: {len(here):,} files like {reading.files}"
        if not here:
            return Finding(self._name, "ok", f"{what}: nothing was dropped yet")
        last = max(here.values(), key=lambda file: listing.place(reading, file))
        placed = [Placed(listing.place(reading, last), last)]
        shape = shapes.of(self._store, entity, placed, since=known.columns, mirrored={})
        if bad := shape.bad.get(last.path):
            return Finding(self._name, "warning", f"{what}; {last.path}: {bad.reason}")
        return Finding(self._name, "ok", what)

    def rows(self, area: Area) -> dict[str, int]:
        """See `Comparable.rows`: those of the files that were taken."""
        with self._servers.session("mrr", "status") as mrr:
            stored = positions_of(mrr, area)
        return {
            name: sum(at.get("rows", 0) for at in Known.of(stored.get(name, {})).files.values())
            for name in area.entities
        }

    def _there(self, area: Area, known: Mapping[str, Known], now: datetime) -> dict[str, There]:
        return {
            name: listing.there(self._store, entity.reading, known[name].whole, now)
            for name, entity in area.entities.items()
        }

    def _looks(
        self,
        area: Area,
        there: Mapping[str, There],
        known: Mapping[str, Known],
        clock: datetime,
        mirrored: _Mirrored,
    ) -> dict[str, Look]:
        looks = {}
        for name, entity in area.entities.items():
            are_sets, own = entity.deletes == "detect", known[name]
            listed = listing.of(self._store, there[name], own, clock, are_sets=are_sets)
            columns = mirrored.get(name, {})
            shape = shapes.of(self._store, entity, listed.new, since=own.columns, mirrored=columns)
            looks[name] = Look(entity, own, listed, shape)
        return looks


def _clock(now: datetime, known: Iterable[Known]) -> datetime:
    """Return the clock of a look: if that of this machine was set back, looks keep their order."""
    earlier = [one.clock + timedelta(milliseconds=100) for one in known if one.clock]
    return max([now, *earlier])


def _left_out(
    mrr: Session, area: Area, known: Mapping[str, Known], there: Mapping[str, There]
) -> dict[str, Known]:
    """Read which files were taken, where they are left out and another listing was seen."""
    names = [
        name
        for name, one in known.items()
        if one.seen not in {None, there[name].checksum} and not one.files
    ]
    whole = [name for name in names if there[name].whole]
    found = positions_of(mrr, area, whole) if whole else {}
    if days := [name for name in names if name not in whole]:
        paths = [path for name in days for path in there[name].files]
        found |= positions_of(mrr, area, days, items=paths)
    return {name: replace(known[name], files=Known.of(found.get(name, {})).files) for name in names}


def _stored(mrr: Session, area: Area) -> Positions:
    """Read the positions. A first migration asks before there is a table of them, or the roles."""
    table = catalog.tables(mrr, [_POSITIONS]).get(_POSITIONS)
    return question.ask(mrr, at_hand(area)) if table else {}


def _mirrored(mrr: Session, area: Area) -> _Mirrored:
    """Read which columns the mirrors have: entity -> name -> column."""
    places = {name: entity.table("mrr") for name, entity in area.entities.items()}
    found = catalog.tables(mrr, list(places.values()))
    ours = {*LINEAGE, *ORIGIN}
    return {
        name: {one.name: one for one in found[place].columns if one.name not in ours}
        for name, place in places.items()
        if place in found
    }
