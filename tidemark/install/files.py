"""The files of `sql/` that make a server's objects, in the order in which they are applied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tidemark.declare.project import Project
from tidemark.model import DEFAULT_SOURCE, ServerName, is_source

_ROLES = "00_roles.sql"

Lifetime = Literal["roles", "once", "replaceable"]


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One file of `sql/` as it is on disk; `path` is relative to `sql/`."""

    path: str
    text: str
    lifetime: Lifetime

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def is_view(self) -> bool:
        """Whether it makes views, which read the tables of the files before it."""
        return self.path.split("/")[-2] == "views"

    @property
    def folder(self) -> str:
        """The folder of its layer, such as `retail/stg`."""
        return "/".join(self.path.split("/")[:2])

    @property
    def area(self) -> str:
        """The area whose file it is; `platform` for those of all areas."""
        return self.path.split("/")[0]


def of(project: Project, server: ServerName) -> Iterator[SqlFile]:
    """Yield the files of a server in the order in which they are applied."""
    for folder in _folders(project, server):
        root = folder.parent.parent
        for pattern in ("*.sql", "routines/*.sql", "views/*.sql"):
            for path in sorted(folder.glob(pattern)):
                yield SqlFile(
                    path=path.relative_to(root).as_posix(),
                    text=path.read_text("utf-8"),
                    lifetime=_lifetime(path),
                )


def _folders(project: Project, server: ServerName) -> list[Path]:
    """List the folders of a server: of a source, those of the sample applications there."""
    platform = project.platform
    if not is_source(server):
        areas = [project.sql / area / server for area in project.areas]
        return [platform / "common", platform / server, *areas]
    samples = [project.sql / area.area / server for area in project.reading(server)]
    return [platform / DEFAULT_SOURCE, *samples] if any(map(Path.is_dir, samples)) else []


def _lifetime(path: Path) -> Lifetime:
    if path.name == _ROLES:
        return "roles"
    return "replaceable" if path.parent.name in ("routines", "views") else "once"
