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

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.project import Project
from tidemark.errors import EditedMigrationError, MigrationError, StatementError
from tidemark.install import files, laying, migrated, presence, rights
from tidemark.install.files import SqlFile
from tidemark.install.making import Making
from tidemark.install.migrated import Migrated
from tidemark.model import ServerName, is_source
from tidemark.postgres import (
    catalog,
    compose,
    confined,
    db,
    locks,
    sessions,
    sqlfiles,
)
from tidemark.star import distribution


def migrate(
    project: Project,
    servers: sessions.Servers,
    *,
    only: Sequence[ServerName] | None = None,
    dry_run: bool = False,
) -> dict[ServerName, Migrated]:
    """Apply `sql/` to servers, each in one transaction, and make what no file makes.

    It waits for processes that migrate the same layer, or apply a batch to it.

    Args:
        project: the folder with `sql/`.
        servers: those of the project.
        only: which to migrate; all of them without. A source gets the tables of the sample
            applications.
        dry_run: roll everything back in the end.

    Raises:
        EditedMigrationError: a file was changed after it had been applied. Nothing was changed.
        MigrationError: PostgreSQL refused a file; the login may not set roles, owners or grants; or
            an object in Tidemark's place is not Tidemark's. The layer is as it was.
        ContractError: what no file makes can't follow the table before it.
    """
    names = project.servers if only is None else only
    done: dict[ServerName, Migrated] = {}
    with ExitStack() as stack:
        opened: dict[ServerName, db.Session] = {}
        for name in names:
            found = list(files.of(project, name))
            done[name] = Migrated([], [])
            if found:
                opened[name] = stack.enter_context(_opened(servers, name))
                if name == "stg" and "mrr" not in opened:
                    opened["mrr"] = stack.enter_context(_opened(servers, "mrr"))
                has_workers = name == "dwh" and distribution.has_citus(opened[name])
                if has_workers and not dry_run:
                    laying.on_workers(opened[name], found, wanted(project, name))
                # In a dry run STG is made of what MRR would have: its transaction stays open.
                with ExitStack() as step:
                    open_until = stack if dry_run else step
                    session = opened[name]
                    kept = session.rolled_back() if dry_run else session.transaction()
                    open_until.enter_context(kept)
                    done[name] = _migrate(
                        project, servers, opened, name, found, has_workers=has_workers
                    )
                if not dry_run:
                    migrated.tell(name, done[name])
    return done


@contextmanager
def _opened(servers: sessions.Servers, server: ServerName) -> Iterator[db.Session]:
    dsn = servers.dsns[server]
    with closing(sessions.connect(dsn, server, purpose="migrate", as_etl=False)) as session:
        yield session


def unapplied(project: Project, session: db.Session) -> list[str]:
    """List the files that `migrate` would apply to the layer of a session; writes nothing.

    Raises:
        MigrationError: `tidemark.migration` is no table, or the layer lacks something that only a
            numbered file makes.
    """
    found, before = list(files.of(project, session.server)), _applied(session)
    return [file.path for file in _todo(found, before, lacking=_lacking(session, found, before))]


def wanted(project: Project, server: ServerName) -> rights.Ours:
    """Return which objects of a server are Tidemark's."""
    texts = [file.text for file in files.of(project, server)]
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
    applied = {named: path for named, path in _made_by(wanted).items() if path in before}
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


def _migrate(
    project: Project,
    servers: sessions.Servers,
    opened: Mapping[ServerName, db.Session],
    server: ServerName,
    found: Sequence[SqlFile],
    *,
    has_workers: bool,
) -> Migrated:
    """Migrate a server in the open transaction of its session."""
    session, ours = opened[server], wanted(project, server)
    table = _table(session)
    if table and not table[-1]:
        rights.refuse(session, rights.amiss(session, ours))
    locks.migrating(session)
    before = _applied(session)
    _refuse_edited(session, found, before)
    if is_source(server):
        return _apply_to_source(session, found, before)
    areas = list(project.areas.values())
    mrr = opened.get("mrr")
    making = Making(session, areas, _made_by(found), before, servers, mrr, has_workers=has_workers)
    return _apply(session, found, before, ours, making)


def _made_by(found: Sequence[SqlFile]) -> dict[rights.Named, str]:
    """Return which objects exist once these files were applied -> the file that makes each."""
    return presence.expected(
        (file.path, statement) for file in found for statement in sqlfiles.split(file.text)
    )


def _refuse_edited(
    session: db.Session, found: Sequence[SqlFile], before: Mapping[str, str]
) -> None:
    for file in found:
        if file.lifetime == "once" and before.get(file.path, file.checksum) != file.checksum:
            raise EditedMigrationError(
                f"{session.server}: sql/{file.path} was changed after it had been applied "
                f"(checksum {before[file.path][:12]} then, {file.checksum[:12]} now). "
                "Restore the file, and put the change into a new one with a higher number"
                f"{_or_begin_anew(session, file)}."
            )


def _or_begin_anew(session: db.Session, file: SqlFile) -> str:
    """Say that an area may begin anew here while none of its batches has come so far."""
    ledger = ("tidemark", "applied_batch")
    if (
        file.area == "platform"
        or is_source(session.server)
        or ledger not in catalog.tables(session, [ledger])
    ):
        return ""
    if (file.area,) in confined.read(session, ledger, ("area",)):
        return ""
    return f"; or, since no batch of it is here yet, run `tidemark reset {file.area}`"


def _apply(
    session: db.Session,
    found: Sequence[SqlFile],
    before: Mapping[str, str],
    ours: rights.Ours,
    making: Making,
) -> Migrated:
    lost = [each for each in rights.amiss(session, ours) if not ours.judges(each)]
    refused = [
        laying.roles(session, file, is_new=before.get(file.path) != file.checksum)
        for file in found
        if file.lifetime == "roles" and not making.has_workers
    ]
    laid = [*(each.statement for each in lost), *rights.lay(session, ours, *rights.BASIS)]
    for error in filter(None, refused):
        raise error
    lacking = _lacking(session, found, before)
    if lost or _todo(found, before, lacking=lacking) or making.is_due():
        # A hop locks tables in another order than the files do, so both could wait for each other.
        # The hop's transaction is waited for, and its next one is refused.
        locks.overtaking(session, [area.area for area in making.areas])
    laid += [*rights.lay(session, ours, *rights.OWNERS), *rights.lay_grants(session, ours)]
    # A view or routine that another role has owned may have been changed by it.
    replace_all = any(each.kind == "owner" for each in lost)
    todo = _todo(found, before, replace_all=replace_all, lacking=lacking)
    if todo:
        making.give_way()
    _run_all(session, [file for file in todo if not file.is_view], is_first=not before)
    making.before_views()
    derived = list(_deriving(found, making)) if session.server == "stg" else []
    last = [file for *_, file in derived]
    views = [
        file for file in found if file.is_view and file not in last and _is_due(file, todo, making)
    ]
    _run_all(session, views)
    making.behind_views()
    for area, entity, file in derived:
        is_changed = file is not None and _is_due(file, todo, making)
        if file is not None and is_changed:
            _run_all(session, [file])
            views.append(file)
        making.behind(area, entity, is_changed=is_changed)
    confined.run_deferred(session)
    applied = [file.path for file in found if file in (views if file.is_view else todo)]
    mended = list(dict.fromkeys(laid)) if before else []
    return Migrated(applied, mended, making.statements, making.waiting)


def _is_due(view: SqlFile, todo: Collection[SqlFile], making: Making) -> bool:
    """Whether a file of views is to be applied now."""
    return (view in todo or view.area in making.shaken) and view.area not in making.held


def _deriving(
    found: Sequence[SqlFile], making: Making
) -> Iterator[tuple[Area, Entity, SqlFile | None]]:
    """Yield derived entities, each behind its inputs, and the files of their views."""
    views = {file.path: file for file in found if file.is_view}
    for area in making.areas:
        for entity in area.derived:
            path = making.by_files.get(("relation", *entity.deriving_view), "")
            yield area, entity, views.get(path)


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
        laying.execute(session, file, db.Session.run)
    session.run("set local search_path = public, pg_temp")
    _run_all(session, todo, is_first=bool(todo) and not before, run=db.Session.run)
    return Migrated([file.path for file in todo], [])


def _run_all(
    session: db.Session,
    todo: Sequence[SqlFile],
    *,
    is_first: bool = False,
    run: laying.Run = confined.run,
) -> None:
    session.run("set local check_function_bodies = off")
    if is_first:
        run(session, compose.statement(__name__, "create"))
    for file in todo:
        if file.lifetime != "roles":
            laying.execute(session, file, run)
        parts = {"path": db.literal(file.path), "checksum": db.literal(file.checksum)}
        try:
            run(session, compose.statement(__name__, "record", **parts))
        except StatementError as error:
            raise MigrationError(
                f"{session.server}: tidemark.migration does not take what was applied: {error} "
                f"{session.server} is as it was. Take away from the table what no file of sql/ "
                "gave it, a trigger or a rule, and run `tidemark migrate` again."
            ) from error
    if not is_source(session.server) and any(not file.is_view for file in todo):
        # Before the views: they read lineage columns that tables of an older Tidemark lack.
        run(session, compose.statement(__name__, "add_lineage"))
