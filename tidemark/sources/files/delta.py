"""The files that are new: one consistent look at them, and what becomes of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError
from tidemark.model import Position, Positions, Table, Window
from tidemark.postgres.db import Session
from tidemark.postgres.inlet import Out
from tidemark.sources import ItemSet, Which
from tidemark.sources.files import bundles, listing, sending
from tidemark.sources.files.bundles import Bundle
from tidemark.sources.files.listing import Listed, Placed
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.shapes import Bad, Shape
from tidemark.sources.files.stores import ReplacedError, Store
from tidemark.sources.files.taken import Known, Place, Taken


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found of one entity."""

    entity: Entity
    known: Known
    listed: Listed
    shape: Shape

    @property
    def to_take(self) -> Sequence[Placed]:
        """The new files, bad ones too."""
        return self.listed.new

    def seen_whole(self, done: Sequence[Taken]) -> str | None:
        """Return what stands for all files that were listed, if nothing of them is left to take.

        See `Known.seen`.
        """
        is_left = self.listed.waiting or len(done) < len(self.listed.new)
        unseen = None if self.entity.reading.lookback is None else ""
        return unseen if is_left else self.listed.there.checksum

    def high(self, clock: datetime) -> datetime | None:
        """Return the instant before which everything that was modified is taken, also in old days.

        Days that were not listed may have files that nobody has seen.
        """
        if self.listed.there.whole is None:
            return self.known.high
        return max(filter(None, [self.known.high, self.listed.high(clock)]))

    def is_late(self, place: Place) -> bool:
        """Whether a file with a greater place was taken before; of a set, one of a later date."""
        is_set = self.entity.deletes == "detect" and self.entity.reading.ordered_by == "date"
        parts = 1 if is_set else len(place)
        return place[:parts] < self.known.last[:parts]

    def stopping(self, source: str) -> Iterator[ContractError]:
        """Yield why files stop the run."""
        for bad in self.shape.bad.values():
            if self.stops_at(bad):
                yield stopped(source, self.entity, bad)

    def stops_at(self, bad: Bad) -> bool:
        """Whether a bad file stops the run."""
        said = self.entity.reading.on_bad_file
        return said == "stop" or (said is None and bad.is_drift)


def stopped(source: str, entity: Entity, bad: Bad) -> ContractError:
    """Return the error about a bad file."""
    return ContractError(
        f"{entity.name}: {bad.file.path} of {source} can't be taken: {bad.reason}. Nothing was "
        "moved. Let it be dropped again as it should be, or set `on_bad_file: set_aside`.",
        server=source,
        table=bad.file.path,
    )


@dataclass(frozen=True, slots=True)
class FilesDelta:
    """The files that are new."""

    area: Area
    clock: datetime
    began: float
    looks: Mapping[str, Look]
    _store: Store
    windows: Mapping[str, Window] = field(default_factory=dict)
    whole: Collection[str] = ()
    compared: Sequence[str] = ()
    compared_by: Mapping[str, datetime] = field(default_factory=dict)
    future: Mapping[str, int] = field(default_factory=dict)
    _done: dict[str, list[Taken]] = field(default_factory=dict)
    _doubtful: set[str] = field(default_factory=set)
    """Entities of which a file of this look had rows that were refused: so may the next ones."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """See `Delta.tables`. An entity of which nobody has seen a file is left out."""
        return {
            name: look.shape.table(look.entity)
            for name, look in self.looks.items()
            if look.shape.is_known
        }

    @property
    def to_send(self) -> Sequence[str]:
        """See `Delta.to_send`."""
        size = {
            name: sum(one.file.size for one in look.to_take)
            for name, look in self.looks.items()
            if look.to_take and look.shape.is_known
        }
        return sorted(size, key=lambda name: -size[name])

    @property
    def items(self) -> Mapping[str, Sequence[str]]:
        """See `Itemized.items`."""
        return {name: [one.file.path for one in look.to_take] for name, look in self.looks.items()}

    @property
    def positions(self) -> Positions:
        """See `Delta.positions`; of files those that have become others."""
        return {name: self._position(look) for name, look in self.looks.items()}

    def _position(self, look: Look) -> dict[str, Position]:
        done = self._done.get(look.entity.name, [])
        own = replace(
            look.known,
            columns=dict(look.shape.since),
            last=max([look.known.last, *(one.place for one in done)]),
            high=look.high(self.clock),
            clock=self.clock,
            seen=look.seen_whole(done),
            whole=look.listed.there.whole or look.known.whole,
        )
        touched = {
            one.file.path: {
                **look.known.files[one.file.path],
                "modified": one.file.modified.isoformat(),
            }
            for one in look.listed.touched
        }
        return {"": own.position, **touched, **{one.file.path: one.position for one in done}}

    def send(self, entity: str, out: Out, which: Which = "new") -> None:
        """See `Delta.send`.

        Raises:
            ContractError: a file that stops the run can't be read.
        """
        look = self.looks[entity]
        if which == "new":
            self._done[entity] = []
            reading, taken = look.entity.reading, {column.name for column in out.columns}
            for bundle in bundles.of(
                self._store, reading, look.to_take, taken=taken, bad=look.shape.bad.keys()
            ):
                self._done[entity] += self._sent_together(look, bundle, out)
            return
        files, only = self._current(look), None
        if which != "all" and look.entity.is_record:
            named = {path for path, _ in which}
            files = [one for one in files if one.file.path in named]
        elif which != "all":
            only = sending.Only(look.entity.key, frozenset(which))
        for one in files:
            sending.again(out, self._store, one.file, look.entity, only)

    def send_keys(self, entity: str, out: Out) -> None:
        """See `Delta.send_keys`."""
        look = self.looks[entity]
        for one in self._current(look):
            sending.again(out, self._store, one.file, look.entity)

    def landed(self, mrr: Session, batch_id: int) -> None:
        """See `Delta.landed`. There is nothing to do: the positions are all that has to be kept."""

    def sets(self, entity: str) -> Sequence[ItemSet]:
        """See `Itemized.sets`. A set deletes nothing that came late, or not as a whole.

        A refused row may be one that would otherwise count as gone.
        """
        look, done = self.looks[entity], {one.file.path: one for one in self._done[entity]}
        if look.entity.deletes == "ignore":
            return ()
        found = []
        for _, some in groupby(
            look.to_take, key=lambda one: listing.set_of(look.entity.reading, one.file)
        ):
            paths = [one.file.path for one in some]
            found.append(ItemSet(paths, all(_is_whole(done.get(path)) for path in paths)))
        return found

    def remarks(self, entity: str) -> Sequence[str]:
        """See `Itemized.remarks`."""
        found = (
            [
                f"{entity}: {one.items[-1]} deletes nothing: it is late, or not all of it was taken"
                for one in self.sets(entity)
                if not one.is_whole
            ]
            if entity in self._done
            else []
        )
        for one in self._done.get(entity, ()):
            if one.status == "set_aside":
                found.append(f"{entity}: {one.file.path} was set aside: {one.reason}")
            elif one.is_late:
                found.append(f"{entity}: {one.file.path} came late, behind {self._last(entity)}")
        return found

    def _last(self, entity: str) -> str:
        return self.looks[entity].known.last[-1]

    def _sent_together(self, look: Look, bundle: Bundle, out: Out) -> list[Taken]:
        """Send a bundle; where the receiver refuses it, in halves, down to the file at fault."""
        if len(bundle) == 1:
            done = self._sent(look, bundle[0].file, out)
            return [done] if done else []
        if (sent := bundles.send(out, bundle, look.entity.reading)) is not None:
            return [replace(one, is_late=look.is_late(one.place)) for one in sent]
        half = len(bundle) // 2
        parts = (bundle[:half], bundle[half:])
        return [done for some in parts for done in self._sent_together(look, some, out)]

    def _sent(self, look: Look, one: Placed, out: Out) -> Taken | None:
        """Send a new file; None: it is another one now, and comes with the next look."""
        is_late = look.is_late(one.place)
        bad = look.shape.bad.get(one.file.path)
        if bad is None:
            name = look.entity.name
            is_doubtful = name in self._doubtful
            try:
                sent = sending.send(
                    out, self._store, one.file, look.entity, is_doubtful=is_doubtful
                )
                if sent.refused:
                    self._doubtful.add(name)
                return Taken(
                    one.file,
                    one.place,
                    "taken",
                    sent.rows,
                    sent.refused,
                    sent.checksum,
                    is_late=is_late,
                )
            except ReplacedError:
                return None
            except BadFileError as error:
                bad = Bad(one.file, str(error))
        if look.stops_at(bad):
            raise stopped(self.area.source.name, look.entity, bad)
        return Taken(one.file, one.place, "set_aside", reason=bad.reason, is_late=is_late)

    def _current(self, look: Look) -> list[Placed]:
        """Return the files of which the current rows come: all that were taken, or come now."""
        reading = look.entity.reading
        status = {path: at.get("status") for path, at in look.known.files.items()}
        new = {one.file.path for one in look.to_take} - look.shape.bad.keys()
        placed = [
            Placed(listing.place(reading, file), file)
            for path, file in look.listed.there.matching.items()
            if path in new or status.get(path) == "taken"
        ]
        return sorted(placed, key=lambda one: one.place)


def _is_whole(done: Taken | None) -> bool:
    if done is None or done.is_late:
        return False
    return done.status == "taken" and not done.refused
