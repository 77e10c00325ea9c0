"""Run and read what other roles have made, in a session that has more rights than they.

The login that migrates is mostly a superuser. PostgreSQL runs views, triggers, defaults and
functions that it finds by name with the rights of the session that uses them. So what another role
has put there would run as superuser. `set role` does not prevent that: what runs may say `set role`
again, and have the login's rights back.

Therefore statements run inside of a `security definer` function that belongs to tidemark_etl, where
`set role` is an error. Tables are read by COPY, which runs nothing of theirs. And the session's own
search path has nothing but PostgreSQL's own schema.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Sequence

from tidemark.errors import MigrationError, StatementError
from tidemark.model import ETL_ROLE
from tidemark.postgres import compose, db, sqlfiles
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable, Parameters, Session

_IN_USE = "55006"


def run(session: Session, statements: Composable | str, parameters: Parameters = None) -> None:
    """Run statements as tidemark_etl in the session's transaction, with no way back to its login.

    Raises:
        StatementError: PostgreSQL refused one, as it does `set role` and `commit`.
    """
    session.run(
        compose.statement(
            __name__,
            "run",
            etl=db.name(ETL_ROLE),
            function=db.name(f"tidemark_{secrets.token_hex(16)}"),
            statements=db.literal(session.spelled(statements, parameters)),
        )
    )


def read(session: Session, table: tuple[str, str], columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Read columns of a whole table as text; null is ''.

    Raises:
        StatementError: it is no table, or the session may not read it.
    """
    stream = io.BytesIO()
    copy = compose.statement(
        __name__, "read", table=db.name(*table), columns=Columns(tuple(columns))
    )
    session.copy(copy, stream)
    return [tuple(row) for row in csv.reader(io.StringIO(stream.getvalue().decode()))]


def run_deferred(session: Session) -> None:
    """Run now, as tidemark_etl, what waits for the end of the transaction.

    Call it before the commit, which would run it with the rights of the login.

    Raises:
        MigrationError: something still waits for the commit.
        StatementError: something that ran was refused.
    """
    run(session, sqlfiles.statement(__name__, "fire_deferred"))
    try:
        session.run(compose.statement(__name__, "refuse_deferred"))
    except StatementError as error:
        if error.sqlstate != _IN_USE:
            raise
        raise MigrationError(
            f"{session.server}: a deferred trigger waits for the commit, where it would run with "
            f"the rights of the login: {error} Drop it, and run `tidemark migrate` again."
        ) from error
