"""Files in a folder of this machine, or in one that is mounted on it."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tidemark.errors import ConnectError
from tidemark.model import url_variable
from tidemark.sources.files.stores import CHUNK, File, ReplacedError, Stream


class Folder:
    """A folder of this machine, or one that is mounted on it."""

    def __init__(self, path: Path, source: str, *, is_own: bool = False) -> None:
        self.path = path
        self.url = str(path)
        self._is_own = is_own
        """Whether it is a folder of the project: until somebody drops a file, it need not exist.
        Another one that is missing may be a share that is not mounted."""
        self._source = source

    def files(self, folder: str, within: str = "") -> Iterator[File]:
        """See `Store.files`. Symbolic links to folders are not followed: they may form a ring."""
        if not self.path.is_dir() and not self._is_own:
            raise ConnectError(
                f"{self._source}: there is no folder {self.url}. Make it, or correct `source.url` "
                f"in area.yml or {url_variable(self._source)}.",
            )
        at = self.path / folder
        for name in filter(None, within.split("/")):
            at /= name
            if at.is_symlink() or (at.exists() and not at.is_dir()):
                return
        yield from self._below(str(at), folder + within)

    def _below(self, folder: str, prefix: str) -> Iterator[File]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield from self._below(entry.path, f"{prefix}{entry.name}/")
                    elif found := self._file(entry, prefix):
                        yield found
        except FileNotFoundError:
            return  # Nobody has dropped anything there, or it was removed meanwhile.
        except OSError as error:
            raise self.refused(prefix or ".", error) from error

    def _file(self, entry: os.DirEntry[str], prefix: str) -> File | None:
        """Return a file; None: it is something else, or was removed meanwhile."""
        path = f"{prefix}{entry.name}"
        if not _is_utf8(path):
            raise ConnectError(
                f"{self._source}: the name {os.fsencode(path)!r} below {self.url} is not UTF-8, so "
                "nothing could say which file was taken. Rename it, or move it elsewhere.",
            )
        try:
            about = entry.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.refused(path, error) from error
        if not stat.S_ISREG(about.st_mode):
            return None
        return File(path, about.st_size, datetime.fromtimestamp(about.st_mtime_ns / 1e9, UTC))

    def open(self, file: File) -> Stream:
        """See `Store.open`."""
        try:
            return _LocalStream(self, file)
        except FileNotFoundError as error:
            raise ReplacedError(file.path) from error
        except OSError as error:
            raise self.refused(file.path, error) from error

    def refused(self, what: str, error: OSError) -> ConnectError:
        """Return the error about something that can't be read."""
        return ConnectError(
            f"{self._source}: {what} below {self.url} can't be read: {error.strerror}. Let the "
            "user of this process read it.",
        )


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class _LocalStream(Stream):
    def __init__(self, folder: Folder, file: File) -> None:
        super().__init__(self._read())
        # Strings: a Path of each of ten thousand files takes as long as to open them.
        self._folder, self._path, self._file = folder, f"{folder.path}/{file.path}", file
        self._handle = io.FileIO(self._path)

    def _read(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        try:
            while piece := self._handle.read(CHUNK):
                digest.update(piece)
                yield piece
        except OSError as error:
            raise self._folder.refused(self._file.path, error) from error
        self.checksum = digest.hexdigest()

    def confirm(self) -> None:
        """See `Stream.confirm`."""
        try:
            now = os.stat(self._path)  # noqa: PTH116
        except FileNotFoundError as error:
            raise ReplacedError(self._file.path) from error
        opened = os.fstat(self._handle.fileno())
        listed = (self._file.size, self._file.modified)
        for about in (now, opened):
            at = datetime.fromtimestamp(about.st_mtime_ns / 1e9, UTC)
            if (about.st_size, at) != listed or about.st_ino != opened.st_ino:
                raise ReplacedError(self._file.path)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()
        super().close()
