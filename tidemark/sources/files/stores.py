"""Where files are: a folder, or a bucket of an object store. Each lists its files, and opens one.

A file may be replaced while it is read. What was opened is then told from what was listed, so that
nobody takes half of one version and half of another.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as a listing shows it."""

    path: str
    """Below the url, with `/` between folders."""
    size: int
    """In bytes, as it is stored: compressed, perhaps."""
    modified: datetime
    etag: str | None = None
    """What an object store says of its content."""


class ReplacedError(Exception):
    """A file is gone or was replaced since it was listed. The next look finds what is there."""


class Pieces(io.RawIOBase):
    """Pieces as a file that is read."""

    def __init__(self, pieces: Iterator[Buffer]) -> None:
        super().__init__()
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read some bytes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        into = memoryview(buffer)
        count = min(len(self._rest), len(into))
        into[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def pieces(self) -> Iterator[bytes]:
        """Yield what was not read so far, without a copy where a piece is of bytes."""
        yield bytes(self._rest)
        yield from map(bytes, self._pieces)


class Stream(Pieces):
    """The bytes of a file, in order; `close` may be called at any time."""

    checksum: str | None = None
    """The SHA-256 of all bytes, once all were read; None: the store has an etag."""

    def confirm(self) -> None:
        """Raise ReplacedError if the file is another one than was listed. Call it at the end."""


class Store(Protocol):
    """A place with files."""

    @property
    def url(self) -> str:
        """For people; without secrets."""
        ...

    def files(self, folder: str, within: str = "") -> Iterator[File]:
        """List all files below a folder, in any order. A folder that is not there has none.

        Args:
            folder: below the url, with a `/` behind; '' is that of the url.
            within: a folder in it; nothing else is listed, and what it holds is as if all were.

        Raises:
            ConnectError: the place itself is not there, or can't be read.
        """
        ...

    def open(self, file: File) -> Stream:
        """Open a file.

        Raises:
            ReplacedError: it is not there any more, or another one.
            ConnectError: it can't be read.
        """
        ...


def checksum(store: Store, file: File) -> str | None:
    """Read a file, and return its SHA-256; None: its store says an etag instead.

    Raises:
        ReplacedError: it is not there any more, or another one.
    """
    with store.open(file) as stream:
        while stream.read(CHUNK):
            pass
        stream.confirm()
        return stream.checksum
