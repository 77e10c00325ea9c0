"""Which files of an entity are new, and in which order they are taken."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files import opening, stores, taken
from tidemark.sources.files.stores import File, ReplacedError, Store
from tidemark.sources.files.taken import Known, Place, Whole

PAGE = 1000
"""How many names a bucket shows per request."""


@dataclass(frozen=True)
class There:
    """What a listing shows below the folder of a pattern."""

    reading: FilesOfEntity
    files: Mapping[str, File]
    """All files, those of others too: path -> file."""
    whole: Whole | None = None
    """It itself, if it shows all files; None: only those of some days."""

    @property
    def matching(self) -> dict[str, File]:
        """The entity's own: path -> file."""
        matches = self.reading.pattern.matches
        return {path: one for path, one in self.files.items() if matches(path)}

    @cached_property
    def checksum(self) -> str:
        """Stands for the pattern, and for all by which a listing tells files apart.

        Another order has another one: that costs a closer look, and sorting would cost more.
        """
        files = self.files.values()
        names = [self.reading.files, *self.files, *(one.etag or "" for one in files)]
        told = [one for one in files if one.etag is None]
        digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape"))
        # Arrays of numbers, since ten thousand texts of them take longer than the rest.
        digest.update(array("q", [one.size for one in told]))
        digest.update(array("d", [one.modified.timestamp() for one in told]))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """A file and its place."""

    place: Place
    file: File


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of an entity that are there now."""

    new: Sequence[Placed]
    """Those that are to be taken, in their order."""
    waiting: Sequence[Placed]
    """Those that may still be written, or that no marker says to be complete."""
    touched: Sequence[Placed]
    """Those that were taken, and have another time now and the same content."""
    there: There

    def high(self, clock: datetime) -> datetime:
        """Return the instant before which everything that was modified is taken."""
        return min([clock, *(one.file.modified for one in self.waiting)])


def of(store: Store, there: There, known: Known, clock: datetime, *, are_sets: bool) -> Listed:
    """Find out which files of an entity are new.

    Args:
        store: where they are.
        there: what was listed.
        known: those that were taken.
        clock: now.
        are_sets: whether the files of one date are taken together, as the whole table.
    """
    if there.checksum == known.seen:
        return Listed((), (), (), there)
    files = there.reading
    # Most files were taken long ago: nothing but the listing is asked of them.
    changed_files = [one for one in there.files.values() if not _is_listed(known, one)]
    ours = [one for one in changed_files if files.pattern.matches(one.path)]
    if ours and are_sets:
        dates = {set_of(files, one) for one in ours}
        ours = [one for one in there.matching.values() if set_of(files, one) in dates]
    new: list[Placed] = []
    waiting: list[Placed] = []
    touched: list[Placed] = []
    sets = _sets(files, ours, are_sets=are_sets)
    # A set has its place by the last one of its files, which lie side by side.
    for some in sorted(sets, key=lambda some: some[-1].place):
        # If one file of a set is another one now, so is the set.
        changed = [one for one in some if not _is_listed(known, one.file)]
        if not changed:
            continue
        if not all(_is_ready(there, one.file, clock) for one in some):
            waiting += some
        elif all(_is_equal(store, known, one.file) for one in changed):
            touched += changed
        else:
            new += some
    return Listed(new, waiting, touched, there)


def here(store: Store, files: FilesOfEntity) -> dict[str, File]:
    """List all files of an entity: path -> file."""
    return _all(store, files, datetime.now(UTC)).matching


def there(store: Store, files: FilesOfEntity, last: Whole | None, now: datetime) -> There:
    """List what is there, as a batch does: all files, or those of the days of the lookback.

    Args:
        store: where they are.
        files: which, and how often all of them are listed.
        last: the last listing of all files.
        now: by the clock of this machine.

    Raises:
        ConnectError: the store can't be listed.
    """
    if files.lookback is None or is_due(store, files, last, now):
        return _all(store, files, now)
    return _of_days(store, files, now)


def by_turns(
    store: Store, files: FilesOfEntity, last: Whole | None, now: datetime
) -> Iterator[There]:
    """List what is there, as `there` does; if that is very many files, some days of them before."""
    is_due_now = files.lookback is not None and is_due(store, files, last, now)
    if is_due_now and not (last and _are_few(files, last, now)):
        yield _of_days(store, files, now)
    yield there(store, files, last, now)


def is_due(store: Store, files: FilesOfEntity, last: Whole | None, now: datetime) -> bool:
    """Whether all files are listed, though days have folders of their own.

    That is so as well where it takes no more requests than the folders of the days do.
    """
    if last is None or last.of != _named(store, files):
        return True
    if _are_few(files, last, now):
        return True
    # The clock may have been set back behind the last one: nobody knows when that was.
    return not now - files.list_all_every < last.at <= now


def _are_few(files: FilesOfEntity, last: Whole, now: datetime) -> bool:
    """Whether it takes no more requests to list all files than the folders of the days."""
    return last.files <= PAGE * len(folders_of_days(files, now))


def _of_days(store: Store, files: FilesOfEntity, now: datetime) -> There:
    """List the files of the days of the lookback."""
    folder = files.pattern.folder

    def listed(within: str) -> list[File]:
        return [*store.files(folder, within)]

    days = (one.removeprefix(folder) for one in folders_of_days(files, now))
    found = opening.each(listed, days)
    return There(files, {one.path: one for some in found for one in some})


def folders_of_days(files: FilesOfEntity, now: datetime) -> list[str]:
    """Return the folders of the lookback's days, up to tomorrow's: others' days begin earlier."""
    assert files.lookback is not None, "days are listed because of a lookback"
    pattern = files.pattern
    first, last = (now - files.lookback).date(), (now + timedelta(days=1)).date()
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [folder for day in days if (folder := pattern.folder_of(day))]


def _all(store: Store, files: FilesOfEntity, now: datetime) -> There:
    found = {one.path: one for one in store.files(files.pattern.folder)}
    return There(files, found, Whole(now, _named(store, files), len(found)))


def _named(store: Store, files: FilesOfEntity) -> str:
    return f"{store.url} {files.files}"


def _sets(
    files: FilesOfEntity, here: Iterable[File], *, are_sets: bool
) -> Iterable[Sequence[Placed]]:
    placed = sorted((Placed(place(files, one), one) for one in here), key=lambda one: one.place)
    if not are_sets:
        return ([one] for one in placed)
    grouped: dict[object, list[Placed]] = {}
    for one in placed:
        grouped.setdefault(set_of(files, one.file), []).append(one)
    return grouped.values()


def set_of(files: FilesOfEntity, file: File) -> object:
    """Return what the files have in common that are a whole table: their date, or the path."""
    return files.pattern.date(file.path) or file.path


def _is_listed(known: Known, file: File) -> bool:
    """Whether a file was taken, as far as a listing shows it."""
    position = known.files.get(file.path)
    return position is not None and taken.is_same(position, file)


def _is_equal(store: Store, known: Known, file: File) -> bool:
    """Whether a file was taken that has another time now: its content is read to find out."""
    position = known.files.get(file.path, {})
    checksum = position.get("sha256")
    if checksum is None or file.etag is not None or position.get("size") != file.size:
        return False
    with suppress(ReplacedError):
        return bool(stores.checksum(store, file) == checksum)
    return False


def place(files: FilesOfEntity, file: File) -> Place:
    """Return the place of a file among those of its entity."""
    if files.ordered_by == "name":
        return (file.path,)
    if files.ordered_by == "modified":
        return (file.modified.isoformat(), file.path)
    date = files.pattern.date(file.path)
    return (date.isoformat() if date else "", file.path)


def _is_ready(there: There, file: File, clock: datetime) -> bool:
    """Whether nobody writes a file any more."""
    files = there.reading
    if files.quiet_for and file.modified > clock - files.quiet_for:
        return False
    marker = files.ready_when
    if not marker:
        return True
    folder = file.path[: file.path.rfind("/") + 1]
    return (file.path + marker if marker.startswith(".") else folder + marker) in there.files
