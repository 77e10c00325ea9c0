"""Work tables: what a hop finds out once and reads more than once."""

from __future__ import annotations

from typing import Literal

from tidemark.postgres import compose, db
from tidemark.postgres.db import Composable, Session

NO_DATA = db.raw(" with no data")


def make(
    session: Session, table: Composable, query: Composable, *, rows: Literal["all", "none"] = "all"
) -> int:
    """Make a work table of a query's rows, or of its columns alone, in place of an older one.

    Args:
        session: as a rule in the transaction that drops the table again.
        table: its quoted name.
        query: what it holds; without parameters.
        rows: `none`: the query is not run.

    Returns:
        The number of rows.
    """
    query = query if rows == "all" else query + NO_DATA
    return session.run(compose.statement(__name__, "make", table=table, query=query))


def analyze(session: Session, table: Composable) -> None:
    """Let the planner know what a table holds."""
    session.run(compose.statement(__name__, "analyze", table=table))


def drop(session: Session, *tables: Composable) -> None:
    """Drop work tables, those that are there."""
    listed = db.raw(", ").join(tables)
    session.run(compose.statement(__name__, "drop", tables=listed))
