"""Run the files of `sql/`, and make roles first where a DWH has workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tidemark.errors import MigrationError, StatementError
from tidemark.install import rights
from tidemark.install.files import SqlFile
from tidemark.postgres import compose, db, locks

_REFUSED = {"42501", "42704"}
"""SQLSTATEs of what a login may not do, or of a role that an earlier statement could not make."""
_IS_THERE = {"42P07", "42710", "42723"}
_AGAIN = (
    "If it was migrated before, tidemark.migration has lost that: restore the layer from a backup "
    "(docs/operations.md#backup-and-restore). If not, give the layer a database of its own,"
)

Run = Callable[[db.Session, db.Composable | str], object]


def on_workers(session: db.Session, found: Sequence[SqlFile], ours: rights.Ours) -> None:
    """Make roles and schemas first on a DWH with workers, in a transaction of its own.

    Nobody logs in there as a role before it is committed. And each role has a session of its own
    there, which does not see what another one has made in this transaction.

    Raises:
        LockedError: another migration did not end in time.
        MigrationError: the login may not.
    """
    with session.transaction():
        locks.migrating(session)
        for file in (file for file in found if file.lifetime == "roles"):
            execute(session, file, db.Session.run)
        rights.lay(session, ours, *rights.BASIS)
        schemas = {"schemas": sorted({*ours.schemas, "public"})}
        for (statement,) in session.rows(compose.statement(__name__, "unknown"), schemas):
            session.run(statement)


def roles(session: db.Session, file: SqlFile, *, is_new: bool) -> MigrationError | None:
    """Run a file of roles. Returns the error if the login may not, and the file is new."""
    try:
        with session.savepoint():
            execute(session, file, db.Session.run)
    except MigrationError as error:
        if not _is_refused(error):
            raise
        return error if is_new else None
    return None


def _is_refused(error: MigrationError) -> bool:
    cause = error.__cause__
    return isinstance(cause, StatementError) and cause.sqlstate in _REFUSED


def execute(session: db.Session, file: SqlFile, run: Run) -> None:
    """Run a file.

    Raises:
        MigrationError: PostgreSQL refused it.
    """
    try:
        run(session, file.text)
    except StatementError as error:
        todo = _AGAIN if error.sqlstate in _IS_THERE else "Correct the file"
        raise MigrationError(
            f"{session.server}: sql/{file.path} can't be applied: {error} "
            f"{session.server} is as it was. {todo} and run `tidemark migrate` again."
        ) from error
