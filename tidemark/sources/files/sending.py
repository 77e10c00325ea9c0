"""Send files: the fast way, and where that loses or refuses something, the careful one.

Of a file of records in JSON, only the lines that may be refused go the careful way. Whichever way,
a file lands as a whole, or nothing of it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from tidemark.declare.entity import Entity
from tidemark.declare.reading import DOCUMENT, FilesOfEntity
from tidemark.model import LINE, Key
from tidemark.postgres.inlet import Out
from tidemark.sources.files import csvfiles, jsonfiles, opening, stores
from tidemark.sources.files.csvfiles import Begun, SuspectError
from tidemark.sources.files.jsonfiles import Document
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.stores import CHUNK, File, ReplacedError, Store, Stream

_ESCAPED = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
"""Characters that COPY's text format escapes, the backslash first."""

_NULL = r"\N"

_OWN = ("_physical", "_text", "_reasons")
"""What each row says of itself on the careful way, besides its number."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What has become of a file."""

    rows: int
    refused: int
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Only:
    """Which rows are sent of a file, by the values of their key."""

    key: tuple[str, ...]
    values: frozenset[Key]

    def takes(self, named: Mapping[str, str | None]) -> bool:
        """Whether a row of these values is one of them."""
        return tuple(named.get(name) for name in self.key) in self.values


def send(out: Out, store: Store, file: File, entity: Entity, *, is_doubtful: bool = False) -> Sent:
    """Send a file.

    Args:
        out: takes its rows.
        store: where it is.
        file: the file.
        entity: says how it is read.
        is_doubtful: whether lines of it are likely to be refused: they are looked for at once.

    Raises:
        BadFileError: it can't be read. Nothing of it has landed.
        ReplacedError: it is gone, or another one than was listed. Nothing of it has landed.
        ConnectError: its store has failed.
    """
    landed, refused = out.rows, out.refused
    if entity.reading.format == "parquet":
        checksum: str | None = _parquet(out, store, file)
        return Sent(out.rows - landed, out.refused - refused, checksum)
    may_sift = entity.is_record and entity.reading.format == "jsonl"
    checksum = None
    if not (may_sift and is_doubtful):
        checksum = _fast(out, store, file, entity.reading)
    if checksum is None and may_sift:
        checksum = _sifted(out, store, file, entity)
    if checksum is None:
        checksum = _carefully(out, store, file, entity)
    return Sent(out.rows - landed, out.refused - refused, checksum or None)


def again(out: Out, store: Store, file: File, entity: Entity, only: Only | None = None) -> None:
    """Send the rows of a file that was taken, those of some keys; what was refused is left out."""
    with suppress(BadFileError, ReplacedError):
        if only is None:
            send(out, store, file, entity)
        elif entity.reading.format == "parquet":
            _parquet(out, store, file, only)
        else:
            _carefully(out, store, file, entity, only)


def _fast(out: Out, store: Store, file: File, reading: FilesOfEntity) -> str | None:
    """Pass the bytes of a file on; None: it has to be read the careful way."""
    with store.open(file) as stream:
        pieces = opening.content(stream, reading.encoding)
        if reading.format == "csv":
            found = csvfiles.begun(pieces, reading)
            columns = found.columns
            if not columns:
                stream.confirm()
                return stream.checksum or ""
            if {*columns} - {column.name for column in out.columns}:
                return None  # COPY can't leave a column out.
            options = csvfiles.options(reading, columns)
            pipe = out.begin(file.path, columns, "csv", options=options)
            passed = csvfiles.guarded(found.rest, reading, columns=len(columns))
        else:
            pipe = out.begin(file.path, [DOCUMENT], "text", options=jsonfiles.OPTIONS)
            of_format = jsonfiles.lines if reading.format == "jsonl" else jsonfiles.array
            passed = of_format(pieces)
        return _passed(out, pipe, passed, stream)


def _passed(out: Out, pipe: IO[bytes], pieces: Iterator[bytes], stream: Stream) -> str | None:
    try:
        with suppress(BrokenPipeError):
            for piece in pieces:
                opening.write(pipe, piece)
            stream.confirm()
    except SuspectError:
        out.give_up()
        return None
    except BaseException:
        out.give_up()
        raise
    return None if out.end() else stream.checksum or ""


def _sifted(out: Out, store: Store, file: File, entity: Entity) -> str | None:
    """Send a file the fast way but for lines that may be refused, which go the careful way.

    So rows land in another order than that of the file, and have to bring their numbers: the order
    says nothing where each record has a key of its own. None: read the whole file the careful way.
    """
    doubtful: list[Document] = []
    with store.open(file) as stream:
        pieces = opening.content(stream, entity.reading.encoding)
        pipe = out.begin(file.path, [DOCUMENT, LINE], "text", options=jsonfiles.OPTIONS)
        checksum = _passed(out, pipe, _joined(jsonfiles.sifted(pieces, doubtful)), stream)
    if checksum is None or not doubtful:
        return checksum
    pipe = out.begin(file.path, [DOCUMENT, *_OWN, LINE], "text", is_careful=True)
    with suppress(BrokenPipeError):
        _write_rows(pipe, _of_json(iter(doubtful), entity, [DOCUMENT], None), has_number=True)
    if refused := out.end():
        raise refused  # The other lines have landed, so the file can't be set aside any more.
    return checksum


def _carefully(out: Out, store: Store, file: File, entity: Entity, only: Only | None = None) -> str:
    """Send a file record by record; the receiver sets aside what it can't take."""
    reading = entity.reading
    with store.open(file) as stream:
        pieces = opening.content(stream, reading.encoding)
        columns, rows = _records(out, pieces, entity, only)
        pipe = out.begin(file.path, columns, "text", is_careful=True)
        try:
            with suppress(BrokenPipeError):
                _write_rows(pipe, rows, has_number=LINE in columns)
                stream.confirm()
        except BaseException:
            out.give_up()
            raise
        _end(out)
        return stream.checksum or ""


def _write_rows(pipe: IO[bytes], rows: Iterator[_Row], *, has_number: bool) -> None:
    for batch in _joined(_line(row, has_number=has_number).encode() for row in rows):
        opening.write(pipe, batch)


def _end(out: Out) -> None:
    if refused := out.end():
        raise BadFileError(f"PostgreSQL can't take it: {refused.what}")


def _parquet(out: Out, store: Store, file: File, only: Only | None = None) -> str | None:
    """Send a Parquet file; where the receiver refuses it, a second time the careful way."""
    from tidemark.sources.files import parquetfiles

    with parquetfiles.local(store, file) as path:
        checksum = stores.checksum(store, file)
        there = {column.name for column in parquetfiles.columns(store, file)}
        names = [column.name for column in out.columns if column.name in there]
        key, values = (only.key, only.values) if only else ((), None)
        try:
            pipe = out.begin(file.path, names, "csv")
            parquetfiles.send(path, names, pipe, key, values)
            is_taken = out.end() is None
        except BadFileError:
            out.give_up()  # Or the receiver has closed the pipe.
            is_taken = False
        if not is_taken:
            pipe = out.begin(file.path, names, "csv", is_careful=True)
            try:
                parquetfiles.send(path, names, pipe, key, values)
            except BadFileError:
                out.give_up()
                raise
            _end(out)
        return checksum


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that is sent the careful way."""

    values: Sequence[str | None]
    number: int
    """Its place among the records."""
    line: int
    text: str
    reason: str | None


def _records(
    out: Out, pieces: Iterator[bytes], entity: Entity, only: Only | None
) -> tuple[list[str], Iterator[_Row]]:
    """Return the columns of an item that is sent the careful way, and its rows."""
    reading, taken = entity.reading, [column.name for column in out.columns]
    own = [*_OWN, *(LINE for name in taken if name == LINE)]
    if reading.format == "csv":
        begun = csvfiles.begun(pieces, reading)
        columns = [name for name in begun.columns if name in taken]
        return [*columns, *own], _of_csv(begun, reading, columns, only)
    found = jsonfiles.documents if reading.format == "jsonl" else jsonfiles.elements
    columns = [DOCUMENT] if DOCUMENT in taken else taken
    return [*columns, *own], _of_json(found(pieces), entity, columns, only)


def _of_csv(
    begun: Begun, reading: FilesOfEntity, columns: Sequence[str], only: Only | None
) -> Iterator[_Row]:
    for one in csvfiles.records(begun, reading):
        if one.reason:
            named: dict[str, str | None] = {}
        else:
            told = zip(begun.columns, one.fields, strict=True)
            named = {name: None if value == reading.null else value for name, value in told}
        if only is None or only.takes(named):
            values = [named.get(name) for name in columns]
            yield _Row(values, one.number, one.line, one.text, one.reason)


def _of_json(
    found: Iterator[Document], entity: Entity, columns: Sequence[str], only: Only | None
) -> Iterator[_Row]:
    for one in found:
        text, reason = one.text.decode("utf-8", "replace"), one.reason
        named: dict[str, str | None] = {}
        if not reason:
            keys = jsonfiles.values(text, entity.paths) if entity.paths else {}
            lacking = ", ".join(name for name, value in keys.items() if value is None)
            reason = f"key is null: {lacking}" if lacking else None
            named = {**keys, DOCUMENT: text}
        if only is None or only.takes(named):
            values = [named.get(name) for name in columns]
            yield _Row(values, one.number, one.line, text, reason)


def _line(row: _Row, *, has_number: bool) -> str:
    told = [*row.values, str(row.line), row.text.replace("\0", "\N{SYMBOL FOR NULL}")]
    told.append("{" + json.dumps(row.reason, ensure_ascii=False) + "}" if row.reason else None)
    told += [str(row.number)] if has_number else []
    return "\t".join(_NULL if one is None else _escaped(one) for one in told) + "\n"


def _escaped(text: str) -> str:
    # Most texts have none of these, and `translate` would look at each character.
    for one, spelled in _ESCAPED.items():
        text = text.replace(one, spelled)
    return text


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Join lines, so that few writes are needed."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if size > CHUNK:
            yield b"".join(some)
            some, size = [], 0
    yield b"".join(some)
