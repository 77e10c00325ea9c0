"""What a person looks at in a layer: its tables, and the rows of one, page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.declare.project import Project
from tidemark.model import QualifiedName, ServerName, is_source, label
from tidemark.observe import query
from tidemark.postgres import compose, db
from tidemark.postgres.compose import Columns
from tidemark.postgres.db import Composable
from tidemark.postgres.sessions import Servers
from tidemark.postgres.written import Written

_EQUALS = re.compile(r"(?P<column>[^=<>!'\"()]+?)\s*=\s*(?P<value>[^=<>'\"()]*)")
"""A column and a value, as a person types them who thinks of no SQL."""

_MANY = 100_000
"""Tables of a layer that are asked for at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A table or view that the role may read."""

    server: ServerName
    qualified_name: QualifiedName
    kind: str
    rows: int | None
    """The planner's estimate; None where there is none."""

    @property
    def label(self) -> str:
        """Its name for people."""
        return label(self.qualified_name)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table, and those of its primary key, if it has one."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a table, as PostgreSQL writes them."""

    columns: tuple[str, ...]
    rows: list[Written]
    has_more: bool

    def first(self, rows: int) -> Page:
        """Return the page with its first rows alone."""
        return replace(self, rows=self.rows[:rows], has_more=self.has_more or rows < len(self.rows))


def tables(servers: Servers, server: ServerName, *, seconds: float) -> list[Found]:
    """List the tables and views of a server that may be read there."""
    with (
        query.asking(servers, server, seconds=seconds) as asker,
        asker.ask(compose.statement(__name__, "tables")) as answer,
    ):
        return [
            Found(server, (str(schema), str(name)), str(kind), None if rows is None else int(rows))
            for schema, name, kind, rows in answer.take(_MANY)
        ]


def columns(servers: Servers, of: Found, *, seconds: float) -> Shape:
    """Read what columns a table has."""
    name = db.literal(db.quoted(*of.qualified_name))
    with (
        query.asking(servers, of.server, seconds=seconds) as asker,
        asker.ask(compose.statement(__name__, "columns", table=name)) as answer,
    ):
        found = answer.take(_MANY)
    placed = sorted((int(place), str(column)) for column, place in found if place)
    return Shape(tuple(str(name) for name, _ in found), tuple(name for _, name in placed))


def page(
    servers: Servers,
    of: Found,
    shape: Shape,
    condition: str,
    *,
    skipped: int,
    rows: int,
    seconds: float,
) -> Page:
    """Read a page of a table, in the order of its primary key if it has one.

    Args:
        servers: those of the project.
        of: the table.
        shape: its columns.
        condition: SQL, or `column=value`; '' for all rows.
        skipped: how many rows come before it.
        rows: how many it has.
        seconds: see `query.asking`.

    Raises:
        StatementError: the condition is wrong, or it took too long.
    """
    key = Columns(shape.key)
    asked = compose.statement(
        __name__,
        "page",
        columns=Columns(shape.columns),
        table=db.name(*of.qualified_name),
        condition=_condition(condition, shape.columns),
        order=compose.statement(__name__, "in_order", key=key) if shape.key else db.raw(""),
        rows=db.literal(rows + 1),
        skipped=db.literal(skipped),
    )
    with (
        query.asking(servers, of.server, seconds=seconds) as asker,
        asker.ask(asked, typed=condition) as answer,
    ):
        taken = answer.take(rows + 1)
    return Page(shape.columns, taken[:rows], has_more=len(taken) > rows)


def dimension(project: Project, of: Found) -> tuple[Area, Entity] | None:
    """Find the dimension whose rows a table has, in whatever layer; None: it has those of none."""
    for area in project.areas.values():
        for entity in area.dimensions:
            if of.qualified_name == _table(area, entity, of.server):
                return area, entity
    return None


def _table(area: Area, entity: Entity, server: ServerName) -> QualifiedName | None:
    if is_source(server):
        return entity.source_name if area.source.name == server else None
    return None if server == "mrr" and entity.is_derived else entity.table(server)


def _condition(text: str, columns: tuple[str, ...]) -> Composable:
    """Read what a person types: `city=New York`, or any condition of SQL."""
    if not text:
        return db.raw("true")
    simple = _EQUALS.fullmatch(text)
    if simple and (column := simple["column"].strip()) in columns:
        if simple["value"].strip().lower() == "null":
            return compose.statement(__name__, "is_null", column=db.name("t", column))
        return compose.statement(
            __name__,
            "equals",
            column=db.name("t", column),
            value=db.literal(simple["value"].strip()),
        )
    return db.raw(text)
