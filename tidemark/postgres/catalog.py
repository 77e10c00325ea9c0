"""Read columns, types and keys of tables: all that a caller asks for takes one round trip."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tidemark.errors import ContractError, did_you_mean, refuse
from tidemark.model import Column, QualifiedName, Reader, ServerName, Table
from tidemark.postgres import compose, question, sqlfiles
from tidemark.postgres.db import Composable, Row, Session, quoted
from tidemark.postgres.question import Question


class Tables(dict[QualifiedName, Table]):
    """The tables and views that were found on a server."""

    def __init__(self, session: Session, found: Iterable[Table]) -> None:
        super().__init__((table.qualified_name, table) for table in found)
        self._session = session

    def hint(self, wanted: QualifiedName) -> str:
        """Suggest the nearest other table of a schema. It is asked only where one is missing."""
        query, which = sqlfiles.statement(__name__, "beside"), {"schema": wanted[0]}
        names = {(wanted[0], table) for (table,) in self._session.rows(query, which)}
        return did_you_mean(wanted[1], [table for _, table in names - self.keys()])


def tables(session: Session, wanted: Sequence[QualifiedName]) -> dict[QualifiedName, Table]:
    """Read the tables and views of these names; those that do not exist are left out."""
    return question.ask(session, named(session, wanted))


def named(
    session: Session, wanted: Sequence[QualifiedName]
) -> Question[dict[QualifiedName, Table]]:
    """Ask for the tables and views of these names; those that do not exist are left out."""

    def read(rows: Sequence[Row]) -> dict[QualifiedName, Table]:
        found = (
            Table(
                name=".".join(wanted[position - 1]),
                columns=tuple(Column(*column) for column in columns or ()),
                unique=tuple(frozenset(key) for key in unique or ()),
                rows=estimate,
                slots=slots,
                qualified_name=wanted[position - 1],
                readers=partial(_readers, session, wanted[position - 1]),
                kind=kind,
            )
            for position, columns, unique, estimate, slots, kind in rows
        )
        return Tables(session, found)

    which = {
        "schemas": [schema for schema, _ in wanted],
        "tables": [table for _, table in wanted],
    }
    return question.of(compose.statement(__name__, "tables"), which, read)


@dataclass(frozen=True, slots=True)
class Described:
    """What a server says of a query."""

    table: Table
    """Its columns, as if they were those of a table."""
    strange: tuple[str, ...]
    """Columns of which PostgreSQL could store no values, such as rows."""
    behind: tuple[int, ...]
    """The oids of the tables and views that it reads."""


def describe(session: Session, name: str, query: Composable) -> Described:
    """Describe a query, which reads no row; call it in a transaction that does nothing else.

    Args:
        session: where it can be run.
        name: what people call it.
        query: in parentheses, with an alias behind them.

    Raises:
        StatementError: PostgreSQL can't run it.
    """
    shape = session.shape(compose.statement(__name__, "nothing_of", query=query))
    which = {"types": [oid for _, oid, _ in shape], "modifiers": [each for *_, each in shape]}
    asked = question.both(
        question.of(compose.statement(__name__, "types"), which, list),
        question.of(compose.statement(__name__, "behind"), {}, list),
    )
    types, behind = question.ask(session, asked)
    named = [(column, *found) for (column, *_), found in zip(shape, types, strict=True)]
    columns = tuple(Column(column, spelled) for column, spelled, _ in named)
    return Described(
        Table(name, columns, slots=len(columns), kind="query"),
        tuple(column for column, _, is_storable in named if not is_storable),
        tuple(relation for (relation,) in behind),
    )


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
        ContractError: see `missing`.
    """
    refuse(missing(found, [wanted], server=server, why=why, whereabouts=whereabouts))
    return found[wanted]


def missing(
    found: Mapping[QualifiedName, Table],
    wanted: Iterable[QualifiedName],
    *,
    server: ServerName,
    why: str,
    whereabouts: str = "",
) -> Iterator[ContractError]:
    """Yield what is wrong where tables are missing.

    Args:
        found: the tables that are there.
        wanted: those that have to be.
        server: where they have to be.
        why: what names them.
        whereabouts: where the server is.
    """
    for table in wanted:
        if table not in found:
            hint = found.hint(table) if isinstance(found, Tables) else ""
            hint += hint and " "
            yield ContractError(
                f"{server}: the table {'.'.join(table)} does not exist, but {why} names it. "
                f"{hint}Create it (`tidemark migrate` applies sql/), or correct the name."
                f"{whereabouts}",
                server=server,
                table=".".join(table),
                is_missing=True,
            )


def require_columns(table: Table, columns: Iterable[str], *, server: ServerName, why: str) -> None:
    """Check that a table has the columns that `why` names.

    Raises:
        ContractError: see `lacking`.
    """
    refuse(lacking(table, columns, server=server, why=why))


def lacking(
    table: Table, columns: Iterable[str], *, server: ServerName, why: str
) -> Iterator[ContractError]:
    """Yield what is wrong where a table lacks columns that `why` names, with the nearest names."""
    names = table.names
    for column in columns:
        if column not in names:
            hint = did_you_mean(column, names)
            yield ContractError(
                f"{server}: {table.name} has no column {column!r}, but {why} names it."
                f"{hint and ' '}{hint}",
                server=server,
                table=table.name,
                column=column,
            )
