"""One row through a cleansing view of the retail area."""

from datetime import UTC, datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

Row = dict[str, Any]

AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
"""When the rows were created, changed and extracted."""

LINEAGE: Row = {
    "created_at": AT,
    "updated_at": AT,
    "_batch_id": 7,
    "_seq": 3,
    "_first_batch_id": 5,
    "_extracted_at": AT,
    "_deleted_at": None,
}


def land(connection: Connection, entity: str, row: Row) -> None:
    """Put one row into the landing table of an entity; columns that are not given are null."""
    query = sql.SQL("insert into landing.{} ({}) values ({})").format(
        sql.Identifier(entity),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Placeholder, row)),
    )
    with connection.cursor() as cursor:
        cursor.execute(query, row)


def clean(connection: Connection, entity: str, row: Row) -> Row:
    """Return what the view makes of one row: column -> value, in order."""
    land(connection, entity, row)
    view = sql.SQL("select * from landing.{}").format(sql.Identifier(f"clean_{entity}"))
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(view)
        [cleansed] = cursor.fetchall()
    return dict(cleansed)
