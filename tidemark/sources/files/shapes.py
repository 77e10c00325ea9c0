"""Which columns the files of an entity have, and which files lack some that they should have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tidemark.declare.entity import Entity
from tidemark.declare.reading import DOCUMENT, FilesOfEntity
from tidemark.errors import did_you_mean
from tidemark.model import FILE, LINE, Column, Table
from tidemark.sources.files import csvfiles, jsonfiles, opening
from tidemark.sources.files.listing import Placed
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.stores import File, ReplacedError, Store
from tidemark.sources.files.taken import Place

OWN = (Column(FILE, "text"), Column(LINE, "bigint"))


@dataclass(frozen=True, slots=True)
class Bad:
    """A file that can't be taken as it is."""

    file: File
    reason: str
    is_drift: bool = False
    """Whether it lacks columns: that stops a run unless area.yml says otherwise."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of an entity look like."""

    columns: Mapping[str, Column]
    """Those that files have, or had."""
    since: Mapping[str, Place]
    """Column -> the place of the first file that has it."""
    bad: Mapping[str, Bad] = field(default_factory=dict)
    """Path -> why it can't be taken."""

    @property
    def is_known(self) -> bool:
        """Whether there was a file that says it."""
        return bool(self.columns)

    def table(self, entity: Entity) -> Table:
        """Return it as a table that the source shows."""
        named = entity.reading.files
        every = {**self.columns, **{one.name: one for one in OWN}}.values()
        columns = tuple(replace(one, not_null=one.name in entity.key) for one in every)
        made = {name: jsonfiles.expression(path) for name, path in entity.paths.items()}
        unique = (frozenset(entity.key),)
        return Table(named, columns, unique=unique, kind="files", generated=made)


def of(
    store: Store,
    entity: Entity,
    files: Sequence[Placed],
    *,
    since: Mapping[str, Place],
    mirrored: Mapping[str, Column],
) -> Shape:
    """Find out what the rows of files look like.

    Args:
        store: where they are.
        entity: whose they are.
        files: those that are new, in their order.
        since: column -> the place of the first file that has it, of those that were taken.
        mirrored: column -> as the mirror has it; empty: there is no mirror yet.
    """
    reading = entity.reading
    if reading.format in {"json", "jsonl"}:
        keys = (Column(name, "text") for name in entity.shown_key)
        columns = (*keys, Column(DOCUMENT, "jsonb"))
        return Shape({**mirrored, **{one.name: one for one in columns}}, {})
    columns_of: Callable[[File], Sequence[Column]] = partial(_columns, store, reading)
    shown = _each(columns_of, [one.file for one in files])
    found = dict(mirrored)
    known = {name: place for name, place in since.items() if name in mirrored}
    bad: dict[str, Bad] = {}
    for one in files:
        has = shown[one.file.path]
        if isinstance(has, BadFileError):
            bad[one.file.path] = Bad(one.file, str(has))
        elif has:
            names = {column.name for column in has}
            wanted = [name for name, place in known.items() if place <= one.place]
            lacking = [
                name for name in dict.fromkeys([*entity.shown_key, *wanted]) if name not in names
            ]
            if lacking:
                new = [column.name for column in has if column.name not in found]
                reason = _lacks(lacking, new, names, {*found, *entity.key}, reading)
                bad[one.file.path] = Bad(one.file, reason, is_drift=True)
                continue
            for column in has:
                found.setdefault(column.name, column)
                known[column.name] = min(known.get(column.name, one.place), one.place)
    return Shape(found, known, bad)


def _each(
    columns_of: Callable[[File], Sequence[Column]], files: Sequence[File]
) -> dict[str, Sequence[Column] | BadFileError]:
    def told(file: File) -> Sequence[Column] | BadFileError:
        try:
            return columns_of(file)
        except BadFileError as error:
            return error
        except ReplacedError:
            return ()  # It will be noticed again when it is to be sent.

    paths = (one.path for one in files)
    return dict(zip(paths, opening.each(told, files), strict=True))


def _columns(store: Store, reading: FilesOfEntity, file: File) -> Sequence[Column]:
    if reading.format == "parquet":
        from tidemark.sources.files import parquetfiles

        return parquetfiles.columns(store, file)
    with store.open(file) as stream:
        found = csvfiles.begun(opening.content(stream, reading.encoding), reading)
        return [Column(name, "text") for name in found.columns]


def _lacks(
    lacking: Sequence[str],
    new: Sequence[str],
    names: set[str],
    known: set[str],
    reading: FilesOfEntity,
) -> str:
    said = f"it lacks {_listed(lacking)}"
    # A first line that names nothing known may be a row, of which no error shows anything.
    is_header = reading.format == "parquet" or _names_any(known, names)
    if len(names) == 1 and reading.format == "csv":
        (only,) = names
        other = next((one for one in ";\t|," if one in only and one != reading.delimiter), None)
        hint = f". Set `delimiter: {other!r}`?" if other else ""
        shown = f", {only[:60]!r}" if is_header else ""
        return f"{said}: its header is one column{shown}{hint}"
    if not new:
        return said
    if not is_header:
        hint = "Set `header: false` and `columns` if it is a row"
        return f"{said}, and its first line names no column that MRR has. {hint}"
    near = did_you_mean(lacking[0], new)
    return f"{said}, and has {_listed(new)}, which MRR lacks{near and ': was it renamed?'}"


def _names_any(known: set[str], names: set[str]) -> bool:
    parts = {part.strip().casefold() for name in names for part in re.split(r"[;\t|,]", name)}
    return not parts.isdisjoint(name.casefold() for name in known)


def _listed(names: Sequence[str]) -> str:
    columns = "the column" if len(names) == 1 else "the columns"
    return f"{columns} {', '.join(map(repr, names))}"
