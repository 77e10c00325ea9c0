r"""Small files that land together: an item costs more than what is in them.

A file can be part of a bundle if each of its lines is one row, whatever it says: counting lines
then tells which rows are whose. So a CSV has no quote in it, and none has a blank line, a carriage
return, or what COPY takes for the end of data (`\.`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tidemark.declare.reading import DOCUMENT, FilesOfEntity
from tidemark.postgres.inlet import Format, Options, Out
from tidemark.sources.files import csvfiles, jsonfiles, opening
from tidemark.sources.files.listing import Placed
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.stores import ReplacedError, Store
from tidemark.sources.files.taken import Taken

_SMALL = 256 << 10
"""Bytes of a small file, as it is stored and as it is read."""

_MOST = 2 << 20
"""Bytes from which on a bundle is full."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a bundle. One that can't be part of a larger one has no content."""

    file: Placed
    columns: tuple[str, ...] = ()
    content: bytes = b""
    checksum: str | None = None

    @property
    def rows(self) -> int:
        """Its rows: each line is one."""
        return self.content.count(b"\n")


Bundle = Sequence[Part]
"""Files that lie side by side; several have the same columns."""


def of(
    store: Store,
    reading: FilesOfEntity,
    files: Iterable[Placed],
    *,
    taken: Collection[str],
    bad: Collection[str],
) -> Iterator[Bundle]:
    """Read small files, and yield all files in their order, in bundles.

    Args:
        store: where they are.
        reading: how they are read.
        files: those to send.
        taken: the columns that the receiver takes. A file with another one is alone.
        bad: the paths of files that can't be sent.
    """

    def read(one: Placed) -> Part:
        part = Part(one) if one.file.path in bad else _part(store, reading, one)
        return part if {*part.columns} <= {*taken} else Part(one)

    some: list[Part] = []
    size = 0
    for part in opening.each(read, files):
        if some and (size > _MOST or not part.columns or part.columns != some[0].columns):
            yield some
            some, size = [], 0
        some.append(part)
        size += len(part.content)
    if some:
        yield some


def send(out: Out, bundle: Bundle, reading: FilesOfEntity) -> list[Taken] | None:
    """Send a bundle as one item. None: the receiver refused it, and nothing of it has landed."""
    columns = bundle[0].columns
    form: Format = "csv" if reading.format == "csv" else "text"
    options: Options = jsonfiles.OPTIONS
    if form == "csv":
        options = csvfiles.options(reading, columns)
    pipe = out.begin(bundle[0].file.file.path, columns, form, options=options)
    with suppress(BrokenPipeError):
        for part in bundle:
            opening.write(pipe, part.content)
    if out.end([(part.file.file.path, part.rows) for part in bundle]):
        return None
    return [
        Taken(part.file.file, part.file.place, "taken", part.rows, checksum=part.checksum)
        for part in bundle
    ]


def _part(store: Store, reading: FilesOfEntity, one: Placed) -> Part:
    alone = Part(one)
    if one.file.size > _SMALL or reading.format not in {"csv", "jsonl"}:
        return alone
    with suppress(BadFileError, ReplacedError), store.open(one.file) as stream:
        pieces = opening.content(stream, reading.encoding)
        columns: Sequence[str] = (DOCUMENT,)
        if reading.format == "csv":
            begun = csvfiles.begun(pieces, reading)
            columns, pieces = begun.columns, begun.rest
        content = b""
        for piece in pieces:
            content += piece
            if len(content) > _SMALL:
                return alone
        stream.confirm()
        content = _lines(content, reading)
        return Part(one, tuple(columns), content, stream.checksum) if content else alone
    return alone


def _lines(content: bytes, reading: FilesOfEntity) -> bytes:
    """Return content as COPY takes it; nothing, if a line of it may not be a row."""
    lines = content if content.endswith(b"\n") else content + b"\n"
    if b"\r" in lines or lines.startswith(b"\n") or b"\n\n" in lines:
        return b""
    if reading.format == "jsonl":
        return b"" if lines.lstrip().startswith(b"[") else jsonfiles.escaped(lines)
    return b"" if reading.quote.encode() in lines or b"\\." in lines else lines
