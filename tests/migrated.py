"""Databases as the migration of a project leaves them: a project that comes again gets copies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.fix_servers import create_databases, database, everywhere, new_databases
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers

KEPT = 3
"""Of how many projects databases are kept: tests of one file mostly have the same."""

_models: dict[str, str | None] = {}
"""Digest of a project -> the databases to copy; None: it has come but once. The latest is last."""
_numbers = count(1)


@contextmanager
def migrated_databases(
    platforms: Mapping[ServerName, str], name: str, home: Path, *, source: str = ""
) -> Iterator[dict[ServerName, str]]:
    """Make databases of a name, migrate a project there, and drop them behind the block.

    Args:
        platforms: what the fixture gives.
        name: the name.
        home: the project's folder. What lies there, dropped files too, is all that it is made of.
        source: options of the source's database.

    Yields:
        Name of the server -> libpq URL of the database.
    """
    digest = _digest(home, source)
    if digest not in _models:
        _models[digest] = None
        with new_databases(platforms, name, source=source) as databases:
            _migrate(databases, home)
            yield databases
        return
    model = _models.pop(digest) or _keep(platforms, home, source)
    _models[digest] = model
    _forget(platforms)
    with new_databases(platforms, name, model=model) as databases:
        yield databases


def _migrate(databases: Mapping[ServerName, str], home: Path) -> None:
    with Servers(databases) as opened:
        migrate(Project(home), opened)


def _keep(platforms: Mapping[ServerName, str], home: Path, source: str) -> str:
    """Make databases to copy, which last as long as the servers."""
    name = f"model_{next(_numbers)}"
    create_databases(platforms, name, source=source)
    _migrate({server: database(dsn, name) for server, dsn in platforms.items()}, home)
    return name


def _forget(platforms: Mapping[ServerName, str]) -> None:
    """Drop the databases that were copied longest ago."""
    kept = [digest for digest, model in _models.items() if model]
    for digest in kept[:-KEPT]:
        everywhere(platforms, f"drop database {_models[digest]}")
        _models[digest] = None


def _digest(home: Path, source: str) -> str:
    """Digest all files of a project but the platform's, which stay as they are."""
    read = hashlib.sha256(source.encode())
    for folder, folders, files in os.walk(home, followlinks=True):
        folders[:] = sorted({*folders} - {"platform"})
        for file in sorted(files):
            path = Path(folder, file)
            read.update(f"\0{path.relative_to(home)}\0".encode() + path.read_bytes())
    return read.hexdigest()
