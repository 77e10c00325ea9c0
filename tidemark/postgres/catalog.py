"""Read columns, types and keys of tables: all that a caller asks for takes one round trip."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial

from tidemark.errors import ContractError
from tidemark.model import Column, QualifiedName, Reader, ServerName, Table
from tidemark.postgres import compose, question, sqlfiles
from tidemark.postgres.db import Row, Session, quoted
from tidemark.postgres.question import Question


def tables(session: Session, wanted: Sequence[QualifiedName]) -> dict[QualifiedName, Table]:
    """Read the tables and views of these names; those that do not exist are left out."""
    return question.ask(session, named(session, wanted))


def named(
    session: Session, wanted: Sequence[QualifiedName]
) -> Question[dict[QualifiedName, Table]]:
    """Ask for the tables and views of these names; those that do not exist are left out."""

    def read(rows: Sequence[Row]) -> dict[QualifiedName, Table]:
        return {
            wanted[position - 1]: Table(
                name=".".join(wanted[position - 1]),
                columns=tuple(Column(*column) for column in columns),
                unique=tuple(frozenset(key) for key in unique or ()),
                rows=estimate,
                slots=slots,
                qualified_name=wanted[position - 1],
                readers=partial(_readers, session, wanted[position - 1]),
            )
            for position, columns, unique, estimate, slots in rows
        }

    which = {
        "schemas": [schema for schema, _ in wanted],
        "tables": [table for _, table in wanted],
    }
    return question.of(compose.statement(__name__, "tables"), which, read)


def _readers(session: Session, table: QualifiedName) -> tuple[Reader, ...]:
    found = session.rows(sqlfiles.statement(__name__, "readers"), {"table": quoted(*table)})
    return tuple(
        Reader(view, frozenset(columns), (schema, name)) for view, columns, schema, name in found
    )


def require(
    found: Mapping[QualifiedName, Table],
    wanted: QualifiedName,
    *,
    server: ServerName,
    why: str,
    whereabouts: str = "",
) -> Table:
    """Return a table that has to be there.

    Raises:
        ContractError: it is missing. `why` says what names it, `whereabouts` where the server is.
    """
    if wanted not in found:
        raise ContractError(
            f"{server}: the table {'.'.join(wanted)} does not exist, but {why} names it. "
            f"Create it (`tidemark migrate` applies sql/), or correct the name.{whereabouts}",
            server=server,
            table=".".join(wanted),
        )
    return found[wanted]


def require_columns(table: Table, columns: Iterable[str], *, server: ServerName, why: str) -> None:
    """Check that a table has the columns that `why` names.

    Raises:
        ContractError: it lacks one, with the nearest name that it has.
    """
    for column in columns:
        if column not in table.names:
            nearest = get_close_matches(column, table.names, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise ContractError(
                f"{server}: {table.name} has no column {column!r}, but {why} names it.{hint}",
                server=server,
                table=table.name,
                column=column,
            )
