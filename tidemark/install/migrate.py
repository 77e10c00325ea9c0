"""Apply `sql/` to the layers: tables once, views and routines whenever they change.

Views and routines of a folder are applied as well after a new numbered file of it, which may have
dropped them: PostgreSQL alters no column that a view reads.

Per layer, in this order: `platform/common`, `platform/<layer>`, `<area>/<layer>` of each area. Per
source, the sample applications of the areas that read it: `platform/operational`, whatever the
source is called, and `<area>/<source>`. In each folder the numbered files, then `routines/`, then
`views/`. A numbered file has one lifetime: it is applied once, and an edited one is refused.
`00_roles.sql` runs as the user that logs in, everything after it as `tidemark_etl`, the owner of
the warehouse (`confined`). Roles, owners and grants are checked and restored each time, since a
layer that came from a dump may lack them (`rights`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from tidemark.declare.project import Project
from tidemark.errors import EditedMigrationError, MigrationError, StatementError
from tidemark.install import presence, rights
from tidemark.model import DEFAULT_SOURCE, ServerName, is_source
from tidemark.postgres import (
    compose,
    confined,
    db,
    locks,
    sessions,
    sqlfiles,
)

_ROLES = "00_roles.sql"
_REFUSED = {"42501", "42704"}
"""SQLSTATEs of what a login may not do, or of a role that an earlier statement could not make."""
_IS_THERE = {"42P07", "42710", "42723"}
_AGAIN = (
    "If it was migrated before, tidemark.migration has lost that: restore the layer from a backup "
    "(docs/operations.md#backup-and-restore). If not, give the layer a database of its own,"
)

Lifetime = Literal["roles", "once", "replaceable"]
_Run = Callable[[db.Session, db.Composable | str], object]


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


def platform_folder(project: Project) -> Path:
    """Return `sql/platform` of the checkout, or the copy inside the installed package."""
    packaged = Path(__file__).parents[1] / "sql" / "platform"
    own = project.sql / "platform"
    return own if own.is_dir() or not packaged.is_dir() else packaged


def files(project: Project, server: ServerName) -> Iterator[SqlFile]:
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
    platform = platform_folder(project)
    if not is_source(server):
        areas = [project.sql / area / server for area in project.areas]
        return [platform / "common", platform / server, *areas]
    samples = [project.sql / area.area / server for area in project.reading(server)]
    return [platform / DEFAULT_SOURCE, *samples] if any(map(Path.is_dir, samples)) else []


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done to a server."""

    files: list[str]
    """The paths that were applied now, in order."""
    mended: list[str]
    """The statements that gave it roles, owners and grants that it lacked."""


def migrate(
    project: Project, servers: sessions.Servers, *, only: Sequence[ServerName] | None = None
) -> dict[ServerName, Migrated]:
    """Apply `sql/` to servers, each in one transaction.

    It waits for processes that migrate the same layer, or apply a batch to it.

    Args:
        project: the folder with `sql/`.
        servers: those of the project.
        only: which to migrate; all of them without. A source gets the tables of the sample
            applications.

    Raises:
        EditedMigrationError: a file was changed after it had been applied. Nothing was changed.
        MigrationError: PostgreSQL refused a file; the login may not set roles, owners or grants; or
            an object in Tidemark's place is not Tidemark's. The layer is as it was.
    """
    names = project.servers if only is None else only
    return {name: _migrate(project, servers, name) for name in names}


def _lifetime(path: Path) -> Lifetime:
    if path.name == _ROLES:
        return "roles"
    return "replaceable" if path.parent.name in ("routines", "views") else "once"


def unapplied(project: Project, session: db.Session) -> list[str]:
    """List the files that `migrate` would apply to the layer of a session; writes nothing.

    Raises:
        MigrationError: `tidemark.migration` is no table, or the layer lacks something that only a
            numbered file makes.
    """
    found, before = list(files(project, session.server)), _applied(session)
    return [file.path for file in _todo(found, before, lacking=_lacking(session, found, before))]


def wanted(project: Project, server: ServerName) -> rights.Ours:
    """Return which objects of a server are Tidemark's."""
    texts = [file.text for file in files(project, server)]
    return rights.ours(server, texts, project.areas.values())


def _todo(
    wanted: Sequence[SqlFile],
    before: Mapping[str, str],
    *,
    replace_all: bool = False,
    lacking: Collection[str] = (),
) -> list[SqlFile]:
    """Pick the files to apply: those that changed, and views that depend on a numbered one of them.

    Args:
        wanted: all files.
        before: path -> checksum of what the layer has.
        replace_all: whether all views and routines are to be replaced.
        lacking: paths of files whose views or routines are not there.
    """
    changed = [
        file for file in wanted if before.get(file.path) != file.checksum or file.path in lacking
    ]
    shaken = {file.folder for file in changed if file.lifetime == "once"}
    return [
        file
        for file in wanted
        if file in changed
        or (file.lifetime == "replaceable" and (replace_all or file.folder in shaken))
    ]


def _lacking(session: db.Session, wanted: Sequence[SqlFile], before: Mapping[str, str]) -> set[str]:
    """Find the applied files of views and routines that are not there.

    Raises:
        MigrationError: something is not there that a numbered file has made, with what it held.
    """
    if is_source(session.server):  # The application owns its tables, and may drop them.
        return set()
    # All files count, the new ones too: what a new file drops need not be there.
    made = presence.expected(
        (file.path, statement) for file in wanted for statement in sqlfiles.split(file.text)
    )
    applied = {named: path for named, path in made.items() if path in before}
    lost = {named: applied[named] for named in presence.absent(session, applied)}
    replaceable = {file.path for file in wanted if file.lifetime == "replaceable"}
    for (_, schema, name), path in lost.items():
        if path not in replaceable:
            raise MigrationError(
                f"{session.server}: {schema}.{name} is not there, and sql/{path}, which has "
                "made it, is applied once. Restore the layer from a backup (docs/operations.md"
                "#backup-and-restore); or where it is not needed, drop it in a new file of sql/."
            )
    return set(lost.values())


def _applied(session: db.Session) -> dict[str, str]:
    """Read path -> checksum of what the layer has; empty before the first migration."""
    if not _table(session):
        return {}
    rows = confined.read(session, ("tidemark", "migration"), ("path", "checksum"))
    return {row[0]: row[1] for row in rows}


def _table(session: db.Session) -> db.Row | None:
    """Look for `tidemark.migration`: its kind and owner, and whether it may be locked.

    Its place is checked before anything is read from it. A view there would run with the rights of
    the login that migrates, which is a superuser as a rule.

    Raises:
        MigrationError: it is no table.
    """
    for found in session.rows(compose.statement(__name__, "what_is_there")):
        kind, owner, _ = found
        if kind != "table":
            raise MigrationError(
                f"{session.server}: tidemark.migration is a {kind} of {owner}, and has to be the "
                "table of what was applied: somebody has put it there, and nothing was read from "
                f"it. Find out who; then `drop {kind} tidemark.migration;`, bring the table back "
                "(under another name, or from a backup), and run `tidemark migrate`."
            )
        return found
    return None


def _migrate(project: Project, servers: sessions.Servers, server: ServerName) -> Migrated:
    found = list(files(project, server))
    if not found:
        return Migrated([], [])
    session = sessions.connect(servers.dsns[server], server, purpose="migrate", as_etl=False)
    try:
        ours = wanted(project, server)
        with session.transaction():
            table = _table(session)
            if table and not table[-1]:
                rights.refuse(session, rights.amiss(session, ours))
            locks.migrating(session)
            before = _applied(session)
            _refuse_edited(session, found, before)
            if is_source(server):
                return _apply_to_source(session, found, before)
            return _apply(session, found, before, ours, project.areas)
    finally:
        session.close()


def _refuse_edited(
    session: db.Session, found: Sequence[SqlFile], before: Mapping[str, str]
) -> None:
    for file in found:
        if file.lifetime == "once" and before.get(file.path, file.checksum) != file.checksum:
            raise EditedMigrationError(
                f"{session.server}: sql/{file.path} was changed after it had been applied "
                f"(checksum {before[file.path][:12]} then, {file.checksum[:12]} now). "
                "Restore the file, and put the change into a new one with a higher number."
            )


def _apply(
    session: db.Session,
    found: Sequence[SqlFile],
    before: Mapping[str, str],
    ours: rights.Ours,
    areas: Iterable[str],
) -> Migrated:
    lost = [each for each in rights.amiss(session, ours) if not ours.judges(each)]
    refused = [
        _lay_roles(session, file, is_new=before.get(file.path) != file.checksum)
        for file in found
        if file.lifetime == "roles"
    ]
    laid = [*(each.statement for each in lost), *rights.lay(session, ours, *rights.BASIS)]
    for error in filter(None, refused):
        raise error
    lacking = _lacking(session, found, before)
    if lost or _todo(found, before, lacking=lacking):
        # A hop locks tables in another order than the files do, so both could wait for each other.
        # The hop's transaction is waited for, and its next one is refused.
        locks.overtaking(session, areas)
    laid += [*rights.lay(session, ours, *rights.OWNERS), *rights.lay_grants(session, ours)]
    # A view or routine that another role has owned may have been changed by it.
    replace_all = any(each.kind == "owner" for each in lost)
    todo = _todo(found, before, replace_all=replace_all, lacking=lacking)
    if todo:
        _run_all(session, todo, is_first=not before, run=confined.run)
    confined.run_deferred(session)
    return Migrated([file.path for file in todo], list(dict.fromkeys(laid)) if before else [])


def _apply_to_source(
    session: db.Session, found: Sequence[SqlFile], before: Mapping[str, str]
) -> Migrated:
    """Make a sample application's tables. They belong to the login."""
    todo = _todo(found, before)
    others = session.rows(compose.statement(__name__, "of_others")) if todo else []
    if others:
        raise MigrationError(
            f"{session.server}: {len(others)} objects there are others', such as {others[0][0]} of "
            f"{others[0][1]}, and the sample's files would find them with the rights of the login. "
            "Give the sample application a database of its own."
        )
    for file in (file for file in todo if file.lifetime == "roles"):
        _execute(session, file, db.Session.run)
    session.run("set local search_path = public, pg_temp")
    _run_all(session, todo, is_first=bool(todo) and not before, run=db.Session.run)
    return Migrated([file.path for file in todo], [])


def _lay_roles(session: db.Session, file: SqlFile, *, is_new: bool) -> MigrationError | None:
    """Run a file of roles. Returns the error if the login may not, and the file is new."""
    session.run("savepoint roles")
    try:
        _execute(session, file, db.Session.run)
    except MigrationError as error:
        if not _is_refused(error):
            raise
        session.run("rollback to savepoint roles")
        return error if is_new else None
    return None


def _is_refused(error: MigrationError) -> bool:
    cause = error.__cause__
    return isinstance(cause, StatementError) and cause.sqlstate in _REFUSED


def _run_all(session: db.Session, todo: Sequence[SqlFile], *, is_first: bool, run: _Run) -> None:
    session.run("set local check_function_bodies = off")
    if is_first:
        run(session, compose.statement(__name__, "create"))
    for file, following in pairwise([*todo, None]):
        assert file is not None, "the last one is followed by none"
        if file.lifetime != "roles":
            _execute(session, file, run)
        parts = {"path": db.literal(file.path), "checksum": db.literal(file.checksum)}
        try:
            run(session, compose.statement(__name__, "record", **parts))
        except StatementError as error:
            raise MigrationError(
                f"{session.server}: tidemark.migration does not take what was applied: {error} "
                f"{session.server} is as it was. Take away from the table what no file of sql/ "
                "gave it, a trigger or a rule, and run `tidemark migrate` again."
            ) from error
        has_lineage = not is_source(session.server) and not file.is_view
        if has_lineage and (following is None or following.is_view):
            # Before the views: they read lineage columns that tables of an older Tidemark lack.
            run(session, compose.statement(__name__, "add_lineage"))


def _execute(session: db.Session, file: SqlFile, run: _Run) -> None:
    try:
        run(session, file.text)
    except StatementError as error:
        todo = _AGAIN if error.sqlstate in _IS_THERE else "Correct the file"
        raise MigrationError(
            f"{session.server}: sql/{file.path} can't be applied: {error} "
            f"{session.server} is as it was. {todo} and run `tidemark migrate` again."
        ) from error
