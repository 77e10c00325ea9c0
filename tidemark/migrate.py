"""Apply `sql/` to the layers: tables once, views and routines whenever they change.

Views and routines of a folder are applied as well after a new numbered file of it, which may have
dropped them: PostgreSQL alters no column that a view reads.

Per layer, in this order: `platform/common`, `platform/<layer>`, `<area>/<layer>` of each area; in
each folder the numbered files, then `routines/`, then `views/`. A numbered file has one lifetime:
it is applied once, and an edited one is refused. `00_roles.sql` runs as the user that logs in,
everything after it as `tidemark_etl`, the owner of the warehouse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tidemark import db, locks
from tidemark.config import Project
from tidemark.errors import EditedMigrationError, MigrationError, StatementError
from tidemark.model import ETL_ROLE, LAYERS, Layer

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
    def folder(self) -> str:
        """The folder of its layer, such as `retail/stg`."""
        return "/".join(self.path.split("/")[:2])


def platform_folder(project: Project) -> Path:
    """Return `sql/platform` of the checkout, or the copy inside the installed package."""
    packaged = Path(__file__).parent / "sql" / "platform"
    own = project.sql / "platform"
    return own if own.is_dir() or not packaged.is_dir() else packaged


def files(project: Project, layer: Layer) -> Iterator[SqlFile]:
    """Yield the files of a layer in the order in which they are applied."""
    platform = platform_folder(project)
    folders = [platform / layer]
    if layer != "operational":
        folders.insert(0, platform / "common")
    elif not any((project.sql / area / layer).is_dir() for area in project.areas):
        return
    for folder in [*folders, *(project.sql / area / layer for area in project.areas)]:
        root = folder.parent.parent
        for pattern in ("*.sql", "routines/*.sql", "views/*.sql"):
            for path in sorted(folder.glob(pattern)):
                yield SqlFile(
                    path=path.relative_to(root).as_posix(),
                    text=path.read_text("utf-8"),
                    lifetime=_lifetime(path),
                )


def migrate(
    project: Project, servers: db.Servers, *, layers: Sequence[Layer] = LAYERS
) -> dict[Layer, list[str]]:
    """Bring layers up to date with `sql/`, each in one transaction.

    Whoever migrates a layer or applies a batch to it at the same time is waited for.

    Args:
        project: the folder with `sql/`.
        servers: the four servers.
        layers: which to migrate. `operational` gets the tables of the sample applications.

    Returns:
        Layer -> the paths that were applied now, in order.

    Raises:
        EditedMigrationError: a file was changed after it had been applied. Nothing was changed.
        MigrationError: PostgreSQL refused a file; the layer is as it was.
    """
    return {layer: _migrate_layer(project, servers, layer) for layer in layers}


def _lifetime(path: Path) -> Lifetime:
    if path.name == _ROLES:
        return "roles"
    return "replaceable" if path.parent.name in ("routines", "views") else "once"


def pending(project: Project, session: db.Session) -> list[str]:
    """List the files that `migrate` would apply to the layer of a session; writes nothing."""
    return [file.path for file in _todo(list(files(project, session.layer)), _applied(session))]


def _todo(wanted: Sequence[SqlFile], before: Mapping[str, str]) -> list[SqlFile]:
    """Pick the files to apply: those that changed, and what stands on a numbered one of them."""
    changed = [file for file in wanted if before.get(file.path) != file.checksum]
    shaken = {file.folder for file in changed if file.lifetime == "once"}
    return [
        file
        for file in wanted
        if file in changed or (file.lifetime == "replaceable" and file.folder in shaken)
    ]


def _applied(session: db.Session) -> dict[str, str]:
    """Read path -> checksum of what the layer has; empty before the first migration."""
    known = session.value(db.compose("migrate", "exists"))
    return dict(session.rows(db.compose("migrate", "applied"))) if known else {}


def _migrate_layer(project: Project, servers: db.Servers, layer: Layer) -> list[str]:
    wanted = list(files(project, layer))
    if not wanted:
        return []
    session = db.connect(servers.dsns[layer], layer, purpose="migrate", as_etl=False)
    try:
        with session.transaction():
            locks.migrating(session)
            return _apply(session, wanted, project.areas)
    finally:
        session.close()


def _apply(session: db.Session, wanted: list[SqlFile], areas: Iterable[str]) -> list[str]:
    before = _applied(session)
    for file in wanted:
        if file.lifetime == "once" and before.get(file.path, file.checksum) != file.checksum:
            raise EditedMigrationError(
                f"{session.layer}: sql/{file.path} was changed after it had been applied "
                f"(checksum {before[file.path][:12]} then, {file.checksum[:12]} now). "
                "Restore the file, and put the change into a new one with a higher number."
            )
    todo = _todo(wanted, before)
    if not todo:
        return []
    # A hop takes what it uses in another order than the files do: each would wait for the other.
    locks.overtaking(session, areas)
    session.run("set local check_function_bodies = off")
    for file in (file for file in todo if file.lifetime == "roles"):
        _execute(session, file)
    if session.layer != "operational":
        session.run(f"set local role {ETL_ROLE}")
    if not before:
        session.run(db.compose("migrate", "create"))
    for file in todo:
        if file.lifetime != "roles":
            _execute(session, file)
        session.run(db.compose("migrate", "record"), {"path": file.path, "checksum": file.checksum})
    return [file.path for file in todo]


def _execute(session: db.Session, file: SqlFile) -> None:
    try:
        session.run(file.text)
    except StatementError as error:
        raise MigrationError(
            f"{session.layer}: sql/{file.path} can't be applied: {error} "
            f"{session.layer} is as it was. Correct the file and run `tidemark migrate` again."
        ) from error
