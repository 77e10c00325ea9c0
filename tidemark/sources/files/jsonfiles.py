"""JSON files: a document a line, or an array of documents, on their way into a jsonb column.

COPY's text format takes a document as it is, once each backslash is doubled; the delimiter is a
character that no document may have.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic_core import SchemaValidator, core_schema

from tidemark.declare.reading import DOCUMENT
from tidemark.sources.files.csvfiles import LONGEST, SuspectError
from tidemark.sources.files.opening import BadFileError

OPTIONS = {"delimiter": "\x01", "null": "\x02"}
"""Of COPY in its text format."""

_SPACE = b" \t\r\n"


def _number(text: str) -> str:
    """Spell a number as PostgreSQL does: with its digits, and without an exponent."""
    try:
        spelled = f"{Decimal(text):f}"
    except ArithmeticError:
        return text  # PostgreSQL won't take it either.
    return spelled.lstrip("-") if not spelled.strip("-0.") else spelled


_SCANNER = json.JSONDecoder(parse_int=_number, parse_float=_number)

_OBJECT = SchemaValidator(core_schema.typed_dict_schema({}, extra_behavior="ignore"))
"""Parses an object and keeps nothing of it: that takes a third of the time of making it."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document, or a line that could not be one."""

    number: int
    """Its place among the documents, from 1."""
    line: int
    """The physical line where it is; of an array, its number."""
    text: bytes
    reason: str | None = None
    """Why it is refused already. Whether it is JSON, the receiver finds out."""


def escaped(piece: bytes) -> bytes:
    """Return documents as COPY takes them."""
    return piece.replace(b"\\", b"\\\\")


def values(text: str, paths: Mapping[str, str]) -> dict[str, str | None]:
    """Return column -> the value at its path in a document, as PostgreSQL's `#>>` spells it."""
    try:
        document = _SCANNER.decode(text)
    except (ValueError, RecursionError):
        return {}
    return {column: _at(document, path) for column, path in paths.items()}


def _at(document: object, path: str) -> str | None:
    for name in path.split(".")[1:]:
        document = document.get(name) if isinstance(document, dict) else None
    if document is None or isinstance(document, str):
        return document
    return json.dumps(document)


def expression(path: str) -> str:
    """Return the expression of the value at a path, as PostgreSQL spells it."""
    names = ",".join(path.split(".")[1:])
    return f"({DOCUMENT} #>> '{{{names}}}'::text[])"


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what COPY takes of a file with a document a line.

    Raises:
        BadFileError: it begins like an array.
        SuspectError: a line is longer than a document may be.
    """
    since = 0
    for piece in _begun(pieces, b"[", "an array of documents", "json"):
        at = piece.rfind(b"\n")
        since = since + len(piece) if at < 0 else len(piece) - at
        if since > LONGEST:
            raise SuspectError
        yield escaped(piece)


def sifted(pieces: Iterator[bytes], doubtful: list[Document]) -> Iterator[bytes]:
    """Yield what COPY takes of a file's documents and their numbers; gather those it may refuse.

    Raises:
        BadFileError: see `documents`.
        SuspectError: what is gathered is more than memory has to hold.
    """
    held = 0
    for number, physical, text in _numbered(pieces):
        if len(text) <= LONGEST and _is_sound(text):
            yield b"%b\x01%d\n" % (escaped(text), number)
            continue
        doubtful.append(_checked(number, physical, text))
        held += len(doubtful[-1].text)
        if held > LONGEST:
            raise SuspectError


def _is_sound(text: bytes) -> bool:
    """Whether PostgreSQL takes a document, but for a number that is too large.

    What this refuses, PostgreSQL may take, such as all that is no object. (`json.loads` takes more
    than PostgreSQL: NaN, and half of a surrogate pair.)
    """
    if b"NaN" in text or b"Infinity" in text or rb"\u0000" in text:
        return False
    try:
        _OBJECT.validate_json(text)
    except ValueError:
        return False
    return True


def array(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what COPY takes of a file with an array of documents.

    Raises:
        BadFileError: it is no array, or broken.
    """
    for document in elements(pieces):
        yield escaped(document.text) + b"\n"


def _begun(pieces: Iterator[bytes], wrong: bytes, what: str, other: str) -> Iterator[bytes]:
    is_begun = False
    for piece in pieces:
        if not is_begun and (stripped := piece.lstrip(_SPACE)):
            is_begun = True
            if stripped.startswith(wrong):
                raise BadFileError(f"it begins like {what}. Set `format: {other}`")
        yield piece


def documents(pieces: Iterator[bytes]) -> Iterator[Document]:
    """Yield the lines of a file, blank ones left out, one by one.

    Raises:
        BadFileError: it begins like an array.
    """
    for number, physical, text in _numbered(pieces):
        yield _checked(number, physical, text)


def _numbered(pieces: Iterator[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines of a file: number among those that are not blank, and among all, and text."""
    number = 0
    begun = _begun(pieces, b"[", "an array of documents", "json")
    for physical, line in enumerate(_physical(begun), 1):
        if text := line.strip(_SPACE):
            number += 1
            yield number, physical, text


def _physical(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, each without its end. The first one says what ends them all.

    Of a line that is too long, only the begin is kept.
    """
    end, held, size = b"", b"", 0
    line: list[bytes] = []
    for came in pieces:
        piece, held = held + came, b""
        if not end:
            # A carriage return at the end may be half of an end.
            piece, held = (piece[:-1], b"\r") if piece.endswith(b"\r") else (piece, b"")
            found = re.search(rb"\n|\r(?!\n)", piece)
            end = found[0] if found else b""
        first, *others = piece.split(end) if end else [piece]
        if size <= LONGEST:
            line.append(first)
            size += len(first)
        for other in others:
            yield b"".join(line)
            line, size = [other], len(other)
    yield b"".join([*line, held])


def elements(pieces: Iterator[bytes]) -> Iterator[Document]:
    """Yield the documents of an array, one by one.

    Raises:
        BadFileError: it is no array, it breaks off, or a document of it is broken.
    """
    decoder, array_ = codecs.getincrementaldecoder("utf-8")(), _Array()
    begun = _begun(pieces, b"{", "documents without an array around them", "jsonl")
    for piece in begun:
        for text in array_.read(_decoded(decoder, piece)):
            yield _checked(array_.count, array_.count, text.replace("\n", " ").encode())
    array_.end()


class _Array:
    """An array that is read piece by piece."""

    def __init__(self) -> None:
        self._text, self._is_open, self._is_closed = "", False, False
        self.count = 0
        """Documents so far."""

    def read(self, piece: str) -> Iterator[str]:
        """Yield the documents that end in the next piece."""
        self._text += piece
        if not self._is_open:
            self._open()
        place = 0
        while self._is_open and not self._is_closed:
            place = _behind(self._text, place, " \t\r\n," if self.count else " \t\r\n")
            if self._text.startswith("]", place):
                self._is_closed, place = True, place + 1
                break
            try:
                _, end = _SCANNER.raw_decode(self._text, place)
            except ValueError:
                break  # It goes on in the next piece, perhaps.
            except RecursionError:
                raise BadFileError(f"document {self.count + 1} is nested too deeply") from None
            if end == len(self._text):
                break  # A number may go on in the next piece.
            self.count += 1
            yield self._text[place:end]
            place = end
        self._text = self._text[place:]
        if len(self._text) > LONGEST:
            longest = f"{LONGEST >> 20} MB"
            raise BadFileError(f"document {self.count + 1} is broken, or longer than {longest}")

    def _open(self) -> None:
        self._text = self._text.lstrip()
        if self._text and self._text[0] != "[":
            raise BadFileError("it is no array of documents. Set `format`")
        self._is_open, self._text = bool(self._text), self._text[1:]

    def end(self) -> None:
        """Say that nothing follows.

        Raises:
            BadFileError: the array is not closed, or something follows it.
        """
        if self._is_open and not self._is_closed:
            raise BadFileError(
                f"its array breaks off behind document {self.count}, or is broken there"
            )
        if self._text.strip():
            raise BadFileError("something follows its array")


def _decoded(decoder: codecs.IncrementalDecoder, piece: bytes) -> str:
    try:
        return decoder.decode(piece)
    except UnicodeDecodeError as error:
        raise BadFileError(
            f"it is not UTF-8 (byte 0x{error.object[error.start]:02x}). Set `encoding`"
        ) from None


def _behind(text: str, place: int, skipped: str) -> int:
    while place < len(text) and text[place] in skipped:
        place += 1
    return place


def _checked(number: int, line: int, text: bytes) -> Document:
    if len(text) > LONGEST:
        return Document(number, line, text[:1000], f"it is longer than {LONGEST >> 20} MB")
    if b"\0" in text:
        return Document(number, line, text.replace(b"\0", b"?"), "it has a NUL character")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BadFileError(
            f"it is not UTF-8 (byte 0x{text[error.start]:02x} in line {line}). Set `encoding`"
        ) from None
    return Document(number, line, text)
