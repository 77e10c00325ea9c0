"""The tables of the sample application: reflected, and filled by COPY."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from tidemark.errors import ConfigError

from .rows import NULL, Chunk

NAMES = ("customers", "products", "sales")


def reflect(connection: sa.Connection) -> list[sa.Table]:
    """Read the three tables, parents first, from the catalog.

    Raises:
        ConfigError: the database has none.
    """
    missing = sorted(set(NAMES) - set(sa.inspect(connection).get_table_names()))
    if missing:
        raise ConfigError(
            f"{missing[0]}: the operational database has no such table. Run `tidemark migrate`."
        )
    metadata = sa.MetaData()
    metadata.reflect(connection, only=NAMES)
    return [metadata.tables[name] for name in NAMES]


def key(table: sa.Table) -> sa.Column[int]:
    """Return the one column of a table's primary key."""
    (column,) = table.primary_key.columns
    return column


def newest(connection: sa.Connection, table: sa.Table) -> int:
    """Return the highest id of a table that is not empty."""
    return int(connection.scalars(sa.select(sa.func.max(key(table)))).one())


def is_empty(connection: sa.Connection, table: sa.Table) -> bool:
    """Tell whether a table holds no row."""
    return connection.execute(sa.select(key(table)).limit(1)).first() is None


def copy(connection: sa.Connection, table: sa.Table, chunks: Iterable[Chunk]) -> int:
    """Stream chunks, all with the same columns, into a table; return the number of rows."""
    chunks = iter(chunks)
    first = next(chunks, None)
    if first is None:
        return 0
    columns, stream = ", ".join(first), _Stream(first, chunks)
    with closing(connection.connection.cursor()) as cursor:
        try:
            cursor.copy_expert(f"copy {table.name} ({columns}) from stdin", stream)
        except Exception:
            # The driver turns whatever stops the stream, Ctrl-C too, into a refused COPY.
            if stream.error:
                raise stream.error from None
            raise
        return int(cursor.rowcount)


class _Stream:
    """What COPY reads from: one whole chunk per read, whatever size it asks for."""

    def __init__(self, first: Chunk, others: Iterator[Chunk]) -> None:
        self._texts = map(_text, chain([first], others))
        self.error: BaseException | None = None

    def read(self, _size: int = -1) -> bytes:
        try:
            return next(self._texts, b"")
        except BaseException as error:
            self.error = error
            raise


def _text(chunk: Chunk) -> bytes:
    lines = map("\t".join, zip(*chunk.values(), strict=True))
    return ("\n".join(lines) + "\n").encode()


def overwrite(
    connection: sa.Connection,
    table: sa.Table,
    changed: Sequence[Mapping[str, Any]],
    *,
    only: Mapping[str, sa.ColumnElement[bool]] | None = None,
) -> int:
    """Set columns of the rows with the given keys, in one statement.

    Args:
        connection: an open transaction.
        table: what to change.
        changed: rows of the same columns, the table's key among them.
        only: for columns that keep their value where the condition does not hold.
    """
    if not changed:
        return 0
    match = key(table).name
    columns = {
        name: [None if row[name] == NULL else row[name] for row in changed] for name in changed[0]
    }
    # An array per column: a VALUES list would take longer to compose than to apply.
    new = (
        sa.func.unnest(*(sa.cast(v, ARRAY(table.c[name].type)) for name, v in columns.items()))
        .table_valued(*columns, name="new")
        .render_derived()
    )
    values: dict[str, Any] = {name: new.c[name] for name in columns if name != match}
    for name, condition in (only or {}).items():
        values[name] = sa.case((condition, values[name]), else_=table.c[name])
    statement = sa.update(table).where(table.c[match] == new.c[match]).values(values)
    return connection.execute(statement).rowcount


@contextmanager
def bare(connection: sa.Connection, tables: Iterable[sa.Table]) -> Iterator[None]:
    """Take the secondary indexes and foreign keys of the tables away while the block fills them.

    Building them over the finished rows takes a quarter of the time of keeping them up to date.
    """
    keys = [constraint for table in tables for constraint in table.foreign_key_constraints]
    indexes = [index for table in tables for index in table.indexes]
    for constraint in keys:
        connection.execute(sa.schema.DropConstraint(constraint))
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)
    for constraint in keys:
        connection.execute(sa.schema.AddConstraint(constraint))
