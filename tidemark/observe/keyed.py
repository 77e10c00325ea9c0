"""A natural key that a person gave as text."""

from __future__ import annotations

from collections.abc import Sequence

from tidemark.declare.entity import Entity
from tidemark.errors import StatementError, TidemarkError, UsageError
from tidemark.model import Table
from tidemark.postgres import db
from tidemark.postgres.compose import Columns, Parts
from tidemark.postgres.sqltypes import unsized


def parts(
    entity: Entity, table: Table, key: Sequence[str], *, columns: Sequence[str] = ()
) -> Parts:
    """Compose what `{nk = values::types}` compares: the columns of a key with what was given.

    Args:
        entity: whose key it is.
        table: the table that is searched, whose types the values have.
        key: the values as text, in the key's order.
        columns: what the table calls the columns of the key, if that is something else.

    Raises:
        UsageError: the key has another number of columns.
    """
    if len(key) != len(entity.key):
        raise UsageError(
            f"{entity.name}: the key has {len(entity.key)} columns ({', '.join(entity.key)}), and "
            f"{len(key)} values were given. Give one for each."
        )
    names = tuple(columns) or entity.key
    return {
        "nk": Columns(names),
        "values": [db.literal(value) for value in key],
        "types": [db.raw(unsized(table.column(column).value_type)) for column in names],
    }


def explained(
    error: StatementError, entity: Entity, table: Table, key: Sequence[str]
) -> TidemarkError:
    """Turn PostgreSQL's refusal of a value (class 22, data exception) into a UsageError."""
    if not (error.sqlstate or "").startswith("22"):
        return error
    columns = ", ".join(f"{column} {table.type_of(column)}" for column in entity.key)
    return UsageError(
        f"{entity.name}: {' '.join(key)!r} is no value of the key ({columns}): "
        f"{str(error).partition(': ')[2].rstrip('.')}. Give the natural key."
    )
