"""The rules by which a layer has applied its batches: area.yml, queries, views and routines.

A rebuild derives a layer by today's rules. If batches were made by other rules, its changes may be
due to that. So the layers keep every text of a rule, each once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.model import ServerName
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session

_FILES = ("area.yml", "*/routines/*.sql", "*/views/*.sql")
_SHARED = "stg/routines/*.sql"
"""Routines of the platform that cleansing views call."""


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules of an area: path below its folder -> text; those of the platform below `sql/`."""

    texts: Mapping[str, str]

    @property
    def checksums(self) -> dict[str, str]:
        """Path -> SHA-256 of its text."""
        return {path: _checksum(text) for path, text in self.texts.items()}

    @property
    def checksum(self) -> str:
        """SHA-256 of all paths and texts."""
        return _checksum(json.dumps(sorted(self.checksums.items())))


@dataclass(frozen=True, slots=True)
class Others:
    """Batches that a layer has applied by other rules than those of today."""

    layer: ServerName
    area: str
    first: int
    last: int
    batches: int
    paths: tuple[str, ...]
    """The files that differ; empty: it is not known by which rules they were made."""

    def __str__(self) -> str:
        made = f"{self.layer}: {self.batches} batches of {self.area} ({self.first} to {self.last})"
        if not self.paths:
            return f"{made} are older than rules are kept, and may have been made by others"
        return f"{made} were made by other rules than today's: {', '.join(self.paths)}"


def of(area: Area) -> Ruleset | None:
    """Read the rules of an area as they are now; None: the area has no folder."""
    if area.folder is None:
        return None
    paths = [path for pattern in _FILES for path in sorted(area.folder.glob(pattern))]
    queries = {area.folder / one.query for one in area.entities.values() if one.query}
    paths += sorted(path for path in queries if path.is_file())
    texts = {path.relative_to(area.folder).as_posix(): _read(path) for path in paths}
    if any("tidemark." in text for path, text in texts.items() if path.startswith("stg/")):
        platform = Project(area.folder.parents[1]).platform
        texts |= {
            path.relative_to(platform.parent).as_posix(): _read(path)
            for path in sorted(platform.glob(_SHARED))
        }
    return Ruleset(texts)


def keep(session: Session, rules: Ruleset) -> None:
    """Keep the texts of a ruleset that a layer does not know yet, each once."""
    session.run(
        compose.statement(__name__, "keep"),
        {
            "checksum": rules.checksum,
            "texts": db.Json(dict(rules.texts)),
            "checksums": db.Json(rules.checksums),
        },
    )


def others(session: Session, area: Area) -> list[Others]:
    """Find the batches that a layer has applied by other rules than today's, in order."""
    today = of(area)
    if today is None:
        return []
    found = session.rows(
        compose.statement(__name__, "others"),
        {"area": area.area, "checksum": today.checksum, "now": db.Json(today.checksums)},
    )
    return [
        Others(session.server, area.area, first, last, batches, tuple(paths))
        for first, last, batches, paths in found
    ]


def made_anew(session: Session, area: Area) -> None:
    """Record that a rebuild has made all applied batches by today's rules."""
    rules = of(area)
    if rules is not None:
        keep(session, rules)
        which = {"area": area.area, "checksum": rules.checksum}
        session.run(compose.statement(__name__, "made_anew"), which)


def _read(path: Path) -> str:
    """Return the text of a file. One that is as it was is not read again: a hop asks for all."""
    is_now = path.stat()
    return _text(path, is_now.st_ino, is_now.st_mtime_ns, is_now.st_size)


@lru_cache(maxsize=1024)
def _text(path: Path, _inode: int, _mtime: int, _size: int) -> str:
    return path.read_text("utf-8")


@lru_cache(maxsize=1024)
def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
