"""Fill an empty table without write-ahead log and indexes, and build the indexes afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tidemark.model import QualifiedName
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session


@contextmanager
def built_afterwards(session: Session, table: QualifiedName) -> Iterator[None]:
    """Drop the indexes of a table for the block, and build them at its end.

    That takes half the time (docs/performance.md). Nobody can read the table until the transaction
    ends, so this is for one that is empty. It is truncated first where it may be: if `wal_level` is
    minimal, PostgreSQL then writes its rows to disk at the commit, and not to the log.

    A table that has foreign keys keeps its indexes.

    Args:
        session: in the transaction that fills the table. A rollback brings the indexes back.
        table: its schema and name.

    Raises:
        StatementError: the rows break a primary key or a unique constraint.
    """
    parts, which = {"table": db.name(*table)}, {"table": db.quoted(*table)}
    session.run(compose.statement(__name__, "lock", **parts))
    may_truncate, may_alter = session.one(compose.statement(__name__, "may", **parts), which)
    if may_truncate:
        session.run(compose.statement(__name__, "truncate", **parts))
    statements = session.value(compose.statement(__name__, "drop"), which) if may_alter else []
    yield
    for statement in statements:
        session.run(statement)
