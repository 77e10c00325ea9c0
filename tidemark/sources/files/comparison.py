"""Compare the files of a source with the mirrors: their content with what was taken, and each row.

The files are read again, into a table of the session that compares them. A row of the mirror has to
be the record at its place in its file, and each key that the files show has to be in the mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from tidemark.declare.entity import Entity
from tidemark.model import ORIGIN, Key, Table
from tidemark.postgres import compose, db, transfer
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Relation, Session
from tidemark.postgres.inlet import Out
from tidemark.postgres.transfer import Task
from tidemark.sources import intake
from tidemark.sources.files import listing, sending, stores, taken
from tidemark.sources.files.listing import Placed
from tidemark.sources.files.stores import File, ReplacedError, Store
from tidemark.sources.files.taken import Known


@dataclass(frozen=True, slots=True)
class Compared:
    """The files of an entity that were taken, as far as they are there."""

    entity: Entity
    known: Known
    here: Mapping[str, File]
    """Path -> file."""
    table: Table
    """What the rows look like."""

    @property
    def files(self) -> list[Placed]:
        """Those that are as they were when they were taken, in their order."""
        found = [
            Placed(tuple(at["place"]), self.here[path])
            for path, at in self.known.files.items()
            if at["status"] == "taken" and self._is_here(path)
        ]
        return sorted(found, key=lambda one: one.place)

    def _is_here(self, path: str) -> bool:
        return path in self.here and taken.is_same(self.known.files[path], self.here[path])

    @property
    def whole(self) -> list[str]:
        """The files whose keys have to be in the mirror: all, or of sets the last one."""
        files, reading = self.files, self.entity.reading
        if self.entity.deletes == "ignore" or not files:
            return [one.file.path for one in files]
        last = listing.set_of(reading, files[-1].file)
        return [one.file.path for one in files if listing.set_of(reading, one.file) == last]

    @property
    def remarks(self) -> Iterator[str]:
        """What can't be compared."""
        name, at = self.entity.name, self.known.files
        gone = sum(path not in self.here for path in at)
        changed = sum(path in self.here and not self._is_here(path) for path in at)
        aside = sum(one["status"] == "set_aside" for one in at.values())
        new = sum(path not in at for path in self.here)
        comes = "come with the next batch"
        if self.entity.reading.lookback is not None:
            comes = "come at the latest when all files are listed again"
        for count, what in (
            (gone, "are gone since they were taken, so their rows can't be compared"),
            (changed, "have changed since they were taken; the next batch takes them again"),
            (aside, "are set aside, and nothing of them was taken"),
            (new, f"are new, and {comes}"),
        ):
            if count:
                yield f"{name}: {count:,} files {what}"


@dataclass(frozen=True)
class FilesComparison:
    """The files of an area beside its mirrors."""

    clock: datetime
    _compared: Mapping[str, Compared]
    _store: Store
    _mrr: Session
    _stack: ExitStack
    _altered: list[str] = field(default_factory=list)

    @property
    def tables(self) -> Mapping[str, Table]:
        """See `Comparison.tables`."""
        return {name: one.table for name, one in self._compared.items()}

    def relation(self, entity: str, columns: Sequence[str]) -> Relation:
        """See `Comparison.relation`: the records at which the mirror's rows point, and new keys."""
        one, table = self._compared[entity], self._compared[entity].table
        landing = intake.table(one.entity, table.columns, table)
        temporary = self._stack.enter_context(transfer.temporary(self._mrr, landing))
        streamed = transfer.land(self._mrr, Task(temporary, partial(self._send, one)))
        compared = compose.statement(
            __name__,
            "compared",
            key=Columns(one.entity.key),
            columns=Columns(tuple(columns)),
            payload=Columns(tuple(c for c in table.names if c not in ORIGIN)),
            landing=temporary.name,
            mirror=db.name(*one.entity.table("mrr")),
            firsts=db.literal([first for first, _ in streamed.items]),
            items=db.literal([item for _, item in streamed.items]),
            whole=db.literal(one.whole),
        )
        return Relation(self._mrr, compared)

    def _send(self, one: Compared, out: Out) -> None:
        for placed in one.files:
            file = placed.file
            sending.again(out, self._store, file, one.entity)
            try:
                checksum = stores.checksum(self._store, file) if file.etag is None else None
            except ReplacedError:
                continue
            if checksum != one.known.files[file.path].get("sha256"):
                self._altered.append(
                    f"{one.entity.name}: the content of {file.path} is another one than was taken, "
                    "though its size and time are the same"
                )

    def pending_keys(self, entity: str, limit: int) -> Sequence[Key]:
        """See `Comparison.pending_keys`. Files say nothing of single keys before they are read."""
        return []

    def will_compare_keys(self, entity: str, *, is_deleted: bool) -> bool:
        """See `Comparison.will_compare_keys`: a set of files deletes, and keys are not compared."""
        return False

    def remarks(self) -> Iterator[str]:
        """See `Comparison.remarks`."""
        for one in self._compared.values():
            yield from one.remarks
        yield from self._altered
