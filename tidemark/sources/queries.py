"""Queries of an area, which are read as if they were tables: `source: {query: …}`.

A query lies in a file of the area's folder. The source says which columns it yields, and which
tables are behind it, when it is asked for none of its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, StatementError
from tidemark.layers import checking
from tidemark.layers.checking import Checked
from tidemark.model import Table
from tidemark.postgres import catalog, compose, db, sqlfiles, transfer
from tidemark.postgres.catalog import Described
from tidemark.postgres.db import Composable, Session
from tidemark.sources import tables

_NOT_THERE = {"42P01", "3F000"}
"""SQLSTATEs of a table, and of a schema, that does not exist."""
_TIMEOUT = "57014"


@dataclass(frozen=True, slots=True)
class Queries:
    """The queries of an area: entity -> text, and what the source says of those without fault."""

    area: Area
    texts: Mapping[str, str]
    tables: Checked[Table]
    behind: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Entity -> the oids of the tables and views that its query reads."""

    def relation(self, entity: Entity) -> Composable:
        """Compose what an entity is read from: its table, or its query as a subquery."""
        if entity.query:
            return _relation(self.texts[entity.name])
        return db.name(*entity.source_name)

    @property
    def relations(self) -> dict[str, Composable]:
        """Entity -> what it is read from."""
        return {name: self.relation(entity) for name, entity in self.area.entities.items()}

    @property
    def checksums(self) -> dict[str, str]:
        """Entity -> SHA-256 of its query."""
        return {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()
        }


def named(area: Area, entity: Entity) -> str:
    """Return what people call the query of an entity: its path in the project."""
    return f"sql/{area.area}/{entity.query}"


def look(session: Session, area: Area) -> Queries:
    """Read the queries of an area, and ask the source about each, in a transaction of its own.

    Problems are not raised: they are among those of the tables (`tables.checked`).
    """
    queries = [entity for entity in area.entities.values() if entity.query]
    read = checking.each(queries, lambda one: _unfit(area, one), lambda one: _text(area, one))
    described: dict[str, Described] = {}
    wrong: dict[str, tuple[ContractError, ...]] = {**read.wrong}
    for name, text in read.sound.items():
        problems = tuple(_described(session, area, area.entities[name], text, described))
        if problems:
            wrong[name] = problems
    sound = {name: one.table for name, one in described.items() if name not in wrong}
    behind = {name: one.behind for name, one in described.items()}
    return Queries(area, read.sound, Checked(sound, wrong), behind)


def _described(
    session: Session, area: Area, entity: Entity, text: str, described: dict[str, Described]
) -> Iterator[ContractError]:
    """Describe a query, and yield what is wrong with it."""
    name = named(area, entity)
    try:
        with session.rolled_back(transfer.READ_ONLY):
            session.queue(tables.limits(area))
            session.queue(compose.statement(__name__, "as_usual"))
            described[entity.name] = found = catalog.describe(session, name, _relation(text))
    except StatementError as error:
        if error.is_transient or error.sqlstate == _TIMEOUT:
            raise
        what = f"can't be run: {error.message} Correct it, or grant the login what it reads."
        yield _refused(area, entity, what, is_missing=error.sqlstate in _NOT_THERE)
        return
    names = found.table.names
    for column in sorted({each for each in names if names.count(each) > 1}):
        yield _refused(area, entity, f"yields {column!r} twice. Name each column once.")
    for column in found.strange:
        yield _refused(
            area,
            entity,
            f"yields {column!r}, which is {found.table.type_of(column)}. Cast it to a type that "
            "a table can have.",
        )


def _unfit(area: Area, entity: Entity) -> Iterator[ContractError]:
    """Yield what is wrong with the file of a query."""
    try:
        if area.folder is None or not (area.folder / entity.query).is_file():
            yield _refused(area, entity, "does not exist. Write it, or correct `source`.")
        elif sqlfiles.alone((area.folder / entity.query).read_text("utf-8-sig")) is None:
            yield _refused(area, entity, "has to hold one SELECT and nothing else.")
    except UnicodeDecodeError:
        yield _refused(area, entity, "is no text in UTF-8. Save it as such.")


def _text(area: Area, entity: Entity) -> str:
    assert area.folder is not None, "an area without a folder has no fit query"
    return sqlfiles.alone((area.folder / entity.query).read_text("utf-8-sig")) or ""


def _relation(text: str) -> Composable:
    # On lines of its own, since it may end in a comment.
    return db.Bound(compose.statement(__name__, "relation", query=db.raw(text)), None)


def _refused(area: Area, entity: Entity, what: str, *, is_missing: bool = False) -> ContractError:
    name = named(area, entity)
    return ContractError(
        f"{area.source.name}: {name}, the query of entities.{entity.name}, {what}",
        server=area.source.name,
        table=name,
        is_missing=is_missing,
    )
