"""One-line queries for tests that hold a plain psycopg2 connection."""

from typing import Any

from psycopg2.extensions import connection as Connection


def execute(connection: Connection, query: str, params: Any = None) -> None:
    """Run a statement."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)


def rows(connection: Connection, query: str, params: Any = None) -> list[tuple[Any, ...]]:
    """Run a query and return all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall()


def value(connection: Connection, query: str, params: Any = None) -> Any:
    """Run a query of one row and one column and return what is in it."""
    [(found,)] = rows(connection, query, params)
    return found
