"""Parquet files, read by DuckDB, which writes them as CSV into a pipe.

DuckDB reads a file of this machine by its path. An object of a bucket is brought here first, since
its end says where its columns are.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from tidemark.declare import extras
from tidemark.errors import ConfigError
from tidemark.model import Column, Key
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.opening import BadFileError
from tidemark.sources.files.stores import CHUNK, File, Store

_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "UTINYINT": "smallint",
    "INTEGER": "integer",
    "USMALLINT": "integer",
    "BIGINT": "bigint",
    "UINTEGER": "bigint",
    "HUGEINT": "numeric",
    "UHUGEINT": "numeric",
    "UBIGINT": "numeric",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "UUID": "uuid",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
"""DuckDB's name of a type -> PostgreSQL's. Binary data is hexadecimal text, and what is nested is
jsonb."""

_MEMORY, _THREADS = "256MB", 2
_NESTED = re.compile(r"\[\d*\]$|^(STRUCT|MAP|UNION)\b|^JSON$")


def columns(store: Store, file: File) -> list[Column]:
    """Return the columns of a file, with the types that a mirror gives them.

    Raises:
        BadFileError: it is no Parquet file.
        ReplacedError: it is gone.
    """
    with local(store, file) as path, _opened() as database:
        return [Column(name, _type(kind)) for name, kind in _described(database, path)]


@contextmanager
def local(store: Store, file: File) -> Iterator[Path]:
    """Lend the path of a file on this machine.

    Raises:
        ReplacedError: it is gone, or another one than was listed.
    """
    if isinstance(store, Folder):
        store.open(file).close()
        yield store.path / file.path
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as copy:
        with store.open(file) as stream:
            while piece := stream.read(CHUNK):
                copy.write(piece)
        copy.flush()
        yield Path(copy.name)


def send(
    path: Path,
    names: Sequence[str],
    pipe: IO[bytes],
    key: Sequence[str] = (),
    values: Collection[Key] | None = None,
) -> None:
    """Write some columns of a file as CSV: null is nothing, and empty text is quoted.

    Args:
        path: the file.
        names: the columns.
        pipe: takes the bytes.
        key: the columns of a key.
        values: the keys whose rows are written; None: all rows are.

    Raises:
        BadFileError: it can't be read.
    """
    with _opened() as database:
        kinds = dict(_described(database, path))
        chosen = ", ".join(_expression(name, kinds[name]) for name in names)
        told = [*(values or ())]
        row = ", ".join(f"{_quoted(name)}::varchar" for name in key)
        some = ", ".join(["(" + ", ".join("?" * len(key)) + ")"] * len(told))
        only = "" if values is None else f" where ({row}) in ({some or 'null'})"
        database.execute(
            f"copy (select {chosen} from read_parquet(?){only}) "
            f"to '/dev/fd/{pipe.fileno()}' (format csv, header false)",
            [str(path), *chain.from_iterable(told)],
        )


def _described(database: Any, path: Path) -> list[tuple[str, str]]:
    found = database.execute("describe select * from read_parquet(?)", [str(path)])
    return [(str(name), str(kind)) for name, kind, *_ in found.fetchall()]


@contextmanager
def _opened() -> Iterator[Any]:
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise ConfigError(f"source: {extras.lacking('duckdb')}.") from error
    with duckdb.connect(config={"memory_limit": _MEMORY, "threads": _THREADS}) as database:
        try:
            yield database
        except duckdb.Error as error:
            raise BadFileError(f"it can't be read as Parquet ({type(error).__name__})") from None


def _type(kind: str) -> str:
    if _NESTED.search(kind):
        return "jsonb"
    if kind.startswith("DECIMAL"):
        return kind.lower().replace("decimal", "numeric")
    return _TYPES.get(kind, "text")


def _expression(name: str, kind: str) -> str:
    quoted = _quoted(name)
    if _NESTED.search(kind):
        return f"to_json({quoted})"
    if kind == "TIMESTAMP WITH TIME ZONE":  # Without the calendars of an extension.
        return f"make_timestamp(epoch_us({quoted}))::varchar || '+00'"
    return f"hex({quoted})" if kind == "BLOB" else quoted


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
