r"""CSV files: their header, the fast way to COPY, and the careful way around what COPY can't take.

The fast way passes the bytes on as they are. COPY itself loses something without a word in two
cases, so what looks like them is read the careful way: a line that begins with `\.` ends the data,
and a quote within a field joins it with what follows up to the next quote.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.stores import CHUNK, Pieces

LONGEST = 8 << 20
"""Bytes that a record, or a header, may have. PostgreSQL takes more, but not Python's memory."""

_LONGEST_HEADER = 1 << 20

_OPEN = "a quote is opened, and not closed"


class SuspectError(Exception):
    """COPY may lose something of these bytes."""


class _OpenQuoteError(Exception):
    """A quote was opened, and what follows does not close it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a file, or what could not be one."""

    number: int
    """Its place among the records, from 1."""
    line: int
    """The physical line where it begins, from 1."""
    fields: Sequence[str]
    text: str
    """The record as it came."""
    reason: str | None = None
    """Why it is refused."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A file of which the header was read."""

    columns: Sequence[str]
    """Their names, without the spaces around them; none: there is nothing in the file."""
    lines: int
    """Physical lines of the header."""
    rest: Iterator[bytes]
    """What follows."""


def begun(pieces: Iterator[bytes], files: FilesOfEntity) -> Begun:
    """Read the header of a file.

    Raises:
        BadFileError: it is no header, or names a column twice.
    """
    if not files.header:
        return Begun(files.columns, 0, pieces)
    begin = b""
    while (record := _first_record(begin, files)) is None:
        if len(begin) >= _LONGEST_HEADER:
            longest = f"{_LONGEST_HEADER >> 20} MB"
            raise BadFileError(f"its header is longer than {longest}, or a quote in it is open")
        piece = next(pieces, None)
        if piece is None:
            record = begin
            break
        begin += piece
    if not record.strip():
        if any(piece.strip() for piece in chain([begin], pieces)):
            raise BadFileError("its first line is empty, and should name the columns")
        return Begun([], 0, iter(()))
    lines = len(record.splitlines())
    columns = _names(record, files.delimiter, files.quote)
    return Begun(columns, lines, chain([begin[len(record) :]], pieces))


def _first_record(begin: bytes, files: FilesOfEntity) -> bytes | None:
    quote, quotes, place = files.quote.encode(), 0, 0
    for found in re.finditer(rb"\r\n|\n|\r(?=.)", begin, re.DOTALL):
        quotes += begin.count(quote, place, found.start())
        place = found.end()
        if quotes % 2 == 0:
            return begin[:place]
    return None


@lru_cache(maxsize=8)  # Most files of an entity have one header.
def _names(record: bytes, delimiter: str, quote: str) -> Sequence[str]:
    if b"\0" in record:
        raise BadFileError("it has NUL bytes: is it UTF-16? Set `encoding: utf-16`")
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise BadFileError(
            f"its header is not UTF-8 (byte 0x{record[error.start]:02x}). Set `encoding`"
        ) from None
    try:
        names = [name.strip() for name in next(_reader([text], delimiter, quote))]
    except csv.Error as error:
        raise BadFileError(f"its header is none: {_said(error)}") from None
    for number, name in enumerate(names, 1):
        if not name:
            raise BadFileError(f"column {number} of its header has no name")
        if (first := names.index(name) + 1) < number:
            raise BadFileError(f"columns {first} and {number} of its header have one name")
        # One long column is a header of another delimiter: it lacks the key, and is told so.
        if len(name.encode()) > 63 and len(names) > 1:
            raise BadFileError(f"the name of column {number} of its header has more than 63 bytes")
    return names


def options(files: FilesOfEntity, columns: Sequence[str]) -> dict[str, str | Sequence[str]]:
    """Return those of COPY. The text of null is none in quotes either: Python can't tell."""
    said = {"delimiter": files.delimiter, "quote": files.quote, "null": files.null}
    return {**said, "force_null": columns}


def guarded(pieces: Iterable[bytes], files: FilesOfEntity, *, columns: int) -> Iterator[bytes]:
    """Yield pieces that COPY takes without losing anything.

    Raises:
        SuspectError: it may lose something. What was yielded so far must not be kept.
    """
    quote, check = files.quote.encode(), _check(files, columns=columns)
    rest = b""
    for piece in pieces:
        data = rest + piece
        last = data.rfind(b"\n") + 1
        # Checked are whole lines; where a quote is open at the end, up to where it opens.
        while data.count(quote, 0, last) % 2:
            last = data.rfind(b"\n", 0, data.rfind(quote, 0, last)) + 1
        lines, rest = data[:last], data[last:]
        if len(rest) > LONGEST:
            raise SuspectError
        check(lines)
        yield lines
    if rest.count(quote) % 2:
        raise SuspectError
    check(rest)
    yield rest


def _check(files: FilesOfEntity, *, columns: int) -> Callable[[bytes], None]:
    r"""Return what raises SuspectError if whole lines may lose something.

    A pattern that begins with a fixed text is found at once, so what has to stand before it is
    looked for behind it. A quote is stray if neither an end of a field nor a quote is beside it.
    """
    quote, delimiter = files.quote.encode(), files.delimiter.encode()
    ends = re.compile(rb"\\\.(?<=[\n\r]\\\.)")
    blank = re.compile(rb"\n[\n\r]|\r\r")
    beside = rb"%b\n\r%b" % (re.escape(delimiter), re.escape(quote))
    stray = re.compile(rb"%b(?:(?<![%b].)|[^%b])" % (re.escape(quote), beside, beside), re.DOTALL)

    def check(lines: bytes) -> None:
        lines = b"\n" + lines
        if ends.search(lines) or (columns == 1 and blank.search(lines)):
            raise SuspectError
        # Of the parts between quotes every second one is outside of them.
        if quote in lines and stray.search(quote.join(lines.split(quote)[::2])):
            raise SuspectError

    return check


def records(file: Begun, files: FilesOfEntity) -> Iterator[Record]:
    """Yield the records of a file, blank lines left out, one way or the other.

    A record of another width is refused; if it spans lines, a quote was opened by mistake, perhaps:
    then its first line is refused, and what follows is read again.

    Args:
        file: the file.
        files: how it is read.

    Raises:
        BadFileError: it is of another encoding.
    """
    lines, width, number = _Lines(file.rest, file.lines), len(file.columns), 0
    while True:
        line = lines.count + 1
        try:
            fields = next(_reader(lines, files.delimiter, files.quote), None)
            reason = _reason(fields, width) if fields else None
        except _OpenQuoteError:
            fields, reason = [], _OPEN
        except csv.Error as error:
            fields, reason = [], _said(error)
        if fields is None:
            return
        if reason and lines.pending > 1:
            lines.again_behind_first()
        if lines.is_cut:
            reason = f"it is longer than {LONGEST >> 20} MB"
        text = lines.begin()
        if fields or reason:
            number += 1
            yield Record(number, line, fields, text.rstrip("\r\n"), reason)


def _reason(fields: Sequence[str], width: int) -> str | None:
    if len(fields) != width:
        return f"{len(fields)} fields, where {width} are expected"
    if any("\0" in field for field in fields):
        return "it has a NUL character"
    return None


def _reader(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST * 2)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)


def _said(error: csv.Error) -> str:
    """Say in our words what is wrong with a record."""
    if "expected after" in str(error):
        return "something follows the closing quote of a field"
    return _OPEN if "end of data" in str(error) else str(error)


class _Cut(str):
    """The begin of a line that is longer than a line may be."""

    __slots__ = ()


class _Lines:
    """The physical lines of a content, of which some can be read again."""

    def __init__(self, pieces: Iterator[bytes], count: int) -> None:
        self._text = io.TextIOWrapper(io.BufferedReader(Pieces(pieces)), "utf-8", newline="")
        self._again: list[str] = []
        self._taken: list[str] = []
        self._size = 0
        self.count = count
        """Lines before this record."""

    @property
    def is_cut(self) -> bool:
        """Whether the last line of this record was longer than a line may be, and is cut."""
        return bool(self._taken) and isinstance(self._taken[-1], _Cut)

    @property
    def pending(self) -> int:
        """Lines of this record."""
        return len(self._taken)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.is_cut:
            raise _OpenQuoteError
        line = self._again.pop() if self._again else self._read()
        if not line or self._size > LONGEST:
            if self._taken:
                if line:
                    self._again.append(line)
                raise _OpenQuoteError
            raise StopIteration
        self._taken.append(line)
        self._size += len(line)
        return line

    def _read(self) -> str:
        try:
            line = self._text.readline(LONGEST)
            if len(line) < LONGEST or line.endswith(("\n", "\r")):
                return line
            cut = _Cut(line[:1000])
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(CHUNK)
            return cut
        except UnicodeDecodeError as error:
            raise BadFileError(
                f"it is not UTF-8 (byte 0x{error.object[error.start]:02x} behind line "
                f"{self.count + self.pending}). Set `encoding`"
            ) from None

    def begin(self) -> str:
        """Begin a record; return the one before it, as it came."""
        text, self.count = "".join(self._taken), self.count + self.pending
        self._taken, self._size = [], 0
        return text

    def again_behind_first(self) -> None:
        """Let the first line alone be this record, and read the others again."""
        self._again += reversed(self._taken[1:])
        del self._taken[1:]
