"""What a migration has done to a server, and how it reads as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidemark import logs
from tidemark.declare.project import Project
from tidemark.install import files
from tidemark.model import ServerName

log = logs.named(__name__)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done to a server."""

    files: list[str]
    """The paths that were applied now, in order."""
    mended: list[str]
    """The statements that gave it roles, owners and grants that it lacked."""
    made: list[str] = field(default_factory=list)
    """The statements that made what no file makes, or brought it in step."""
    waiting: list[str] = field(default_factory=list)
    """What can't be made yet, and why."""


def tell(server: ServerName, done: Migrated) -> None:
    """Log what a migration has done to a server."""
    for path in done.files:
        log.info("%s: sql/%s applied", server, path, extra=logs.fields(server=server))
    for what, statements in (("mended", done.mended), ("made", done.made)):
        if statements:
            extra = logs.fields(server=server, statements=len(statements))
            log.info(
                "%s: statements that %s something: %s", server, what, len(statements), extra=extra
            )


def script(project: Project, done: Mapping[ServerName, Migrated]) -> Iterator[str]:
    """Yield what a migration has run, as lines of SQL: server by server, files whole."""
    for server, migrated in done.items():
        texts = {file.path: file.text for file in files.of(project, server)}
        parts = [
            *(("roles, owners and grants", statement) for statement in migrated.mended),
            *((f"sql/{path}", texts[path].rstrip()) for path in migrated.files),
            *(("made by Tidemark", f"{statement};") for statement in migrated.made),
            *((what, "") for what in migrated.waiting),
        ]
        for about, text in parts:
            yield f"-- {server}: {about}"
            yield f"{text}\n" if text else ""
