"""The content of a file: decompressed, in UTF-8 and without a byte order mark, piece by piece."""

from __future__ import annotations

import codecs
import gzip
import io
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, TypeVar

import zstandard

from tidemark.sources.files.stores import CHUNK, Pieces, Stream

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 7
"""Compressed bytes that are given to zstd at once: it may make 32,768 bytes of each."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks: that of UTF-32 begins like that of UTF-16."""
_LONGEST_MARK = 4
_DAMAGED = "its compressed content is truncated or damaged"

_AT_ONCE = 8
"""Files that are read at once."""

_AHEAD = 64
"""Files that are read before they are asked for."""

_QUICK = 1e-3
"""Seconds of a file on a disk of this machine. To hand it to a thread would take longer."""

T = TypeVar("T")
U = TypeVar("U")


class BadFileError(Exception):
    """A file that can't be read as it is declared; the message is the reason."""


def content(stream: Stream, encoding: str) -> Iterator[bytes]:
    """Yield a file's content in UTF-8.

    Args:
        stream: the file, plain or compressed by gzip or zstd: its first bytes say which.
        encoding: that of the content.

    Raises:
        BadFileError: it is truncated or damaged, or it is of another encoding.
    """
    with _named():
        pieces, first = _plain(stream), b""
        while len(first) < _LONGEST_MARK and (piece := next(pieces, None)) is not None:
            first += piece
        yield from _decoded(first, pieces, encoding)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise BadFileError(
            f"it is not {error.encoding} (byte 0x{error.object[error.start]:02x}). Set `encoding`"
        ) from None
    except UnicodeError as error:
        raise BadFileError(f"it is of another encoding ({error}). Set `encoding`") from None
    except zstandard.ZstdError as error:
        if "too much memory" in str(error):
            raise BadFileError(
                "to read it takes more than 128 MB of memory. Compress it without `--long`"
            ) from None
        raise BadFileError(_DAMAGED) from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadFileError(_DAMAGED) from None


def _plain(stream: Stream) -> Iterator[bytes]:
    pieces, begin = stream.pieces(), b""
    while len(begin) < len(_ZSTD) and (piece := next(pieces, None)) is not None:
        begin += piece
    pieces = chain([begin], pieces)
    if begin.startswith(_GZIP):
        yield from _pieces(gzip.GzipFile(fileobj=_buffered(pieces)))
    elif begin.startswith(_ZSTD):
        yield from _zstd(_buffered(pieces))
    else:
        yield from pieces


def _buffered(pieces: Iterator[bytes]) -> io.BufferedReader:
    return io.BufferedReader(Pieces(pieces), CHUNK)


def _pieces(readable: IO[bytes] | io.BufferedIOBase) -> Iterator[bytes]:
    while piece := readable.read(CHUNK):
        yield piece


def _zstd(buffered: IO[bytes] | io.BufferedIOBase) -> Iterator[bytes]:
    """Decompress frame after frame. That it is truncated, `stream_reader` does not tell."""
    frame, made, size = None, list[bytes](), 0
    while piece := buffered.read(_PIECE):
        while piece:
            if frame is None:
                frame = zstandard.ZstdDecompressor().decompressobj()
            made.append(frame.decompress(piece))
            size += len(made[-1])
            piece = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
        if size >= CHUNK:
            yield b"".join(made)
            made, size = [], 0
    yield b"".join(made)
    if frame is not None:
        raise EOFError


def _decoded(first: bytes, rest: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    name = codecs.lookup(encoding).name
    marked = next((what for mark, what in _MARKS.items() if first.startswith(mark)), None)
    if name in {"utf-8", "utf-8-sig"} and marked in {None, "utf-8"}:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from rest
        return
    if marked and not name.startswith(marked):
        raise BadFileError(
            f"it begins like {marked}, and `encoding` is {encoding}. Set `encoding: {marked}`"
        )
    if name in {"utf-16", "utf-32"} and not marked:
        raise BadFileError(f"it has no byte order mark. Set `encoding: {name}-le`, or `{name}-be`")
    decoder = codecs.getincrementaldecoder(encoding)()
    yield decoder.decode(first).removeprefix("\ufeff").encode()
    for piece in rest:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def each(read: Callable[[T], U], files: Iterable[T]) -> Iterator[U]:
    """Read files, and yield what was read in their order.

    It is one after another; behind one that took a while it is some at once, and some ahead.
    """
    rest = iter(files)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tidemark-read") as pool:
        for one in rest:
            began = time.perf_counter()
            found = read(one)
            is_quick = time.perf_counter() - began < _QUICK
            yield found
            if is_quick:
                continue
            some = list(islice(rest, _AHEAD))
            # To hand over a file costs as much as to read a small one.
            size = max(1, -(-len(some) // _AT_ONCE))
            parts = [some[at : at + size] for at in range(0, len(some), size)]
            yield from chain.from_iterable(pool.map(lambda part: [*map(read, part)], parts))


def write(pipe: IO[bytes], piece: bytes) -> None:
    """Write all of a piece: a pipe may take less at a time."""
    rest = memoryview(piece)
    while rest:
        rest = rest[pipe.write(rest) :]
