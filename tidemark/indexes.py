"""Fill an empty table without its log and its indexes, and build these afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tidemark import db
from tidemark.db import Session
from tidemark.model import Place


@contextmanager
def built_afterwards(session: Session, table: Place) -> Iterator[None]:
    """Drop the indexes of a table for the block, and build them at its end.

    That takes half the time (docs/performance.md). Nobody can read the table until the transaction
    ends, so this is for one that is empty. Where `wal_level` is minimal, what is written to a table
    that this transaction has truncated goes to disk at its end, and not through the log.

    A table with foreign keys of its own keeps its indexes, and is filled with them.

    Args:
        session: in the transaction that fills the table; a rollback brings the indexes back.
        table: its schema and name.

    Raises:
        StatementError: the rows break a primary key or a unique constraint.
    """
    parts, which = {"table": db.name(*table)}, {"table": db.quoted(*table)}
    session.run(db.compose("indexes", "lock", **parts))
    may_truncate, may_alter = session.one(db.compose("indexes", "may", **parts), which)
    if may_truncate:
        session.run(db.compose("indexes", "truncate", **parts))
    statements = session.value(db.compose("indexes", "drop"), which) if may_alter else []
    yield
    for statement in statements:
        session.run(statement)
