"""Fill an empty table without its indexes, and build them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tidemark import db
from tidemark.db import Session


@contextmanager
def built_afterwards(session: Session, table: str) -> Iterator[None]:
    """Drop the indexes of a table for the block, and build them at its end.

    That takes half the time (docs/performance.md). Nobody can read the table until the transaction
    ends, so this is for one that is empty.

    Args:
        session: in the transaction that fills the table; a rollback brings the indexes back.
        table: a table of schema public.

    Raises:
        StatementError: the rows break a primary key or a unique constraint.
    """
    statements = session.value(db.compose("indexes", "drop"), {"table": table})
    yield
    for statement in statements:
        session.run(statement)
