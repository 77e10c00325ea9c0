"""Which tables of a source can be followed, by which key, and what says that a row has changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from tidemark.declare.star import SEEN
from tidemark.errors import UnknownNameError
from tidemark.install.propose import words
from tidemark.install.propose.catalog import Catalog, SourceTable, has_zone, is_time
from tidemark.install.propose.draft import Entity, Guess
from tidemark.layers.mirror import LINEAGE, REASONS, RESERVED
from tidemark.model import QualifiedName
from tidemark.postgres import sqlfiles

_LONGEST_KEY = 31
_WIDEST = 1500
_OWN = frozenset(
    {*LINEAGE, REASONS, *RESERVED, SEEN}.union(
        *(sqlfiles.reserved(use) for use in ("payload", "key", "staged", "dimension", "fact"))
    )
)
"""Names that no column may have somewhere on its way."""
_NUMBERED = re.compile(r"_(by|member)_\d+")
_DERIVED = ("tsvector",)
_NEVER_SECRET = ("boolean", "date", "timestamp", "time", "interval", "bigint", "smallint")
_BIG = 100_000
_KINDS = {
    "v": "it is a view: its key and its watermark are not known from the catalog",
    "m": "it is a materialized view, whose rows come when it is refreshed",
    "f": "it is a foreign table: what commits on its server is not seen here",
}


def chosen(
    catalog: Catalog,
    *,
    schemas: Collection[str] = (),
    include: Collection[str] = (),
    exclude: Collection[str] = (),
) -> list[SourceTable]:
    """Return the tables and views that a person asks for: all, unless said otherwise.

    Args:
        catalog: of the source.
        schemas: only of these.
        include: only these: `table` or `schema.table`, where * stands for any letters.
        exclude: not these.

    Raises:
        UnknownNameError: nothing has such a name.
    """
    known = {name for table in catalog.tables for name in (table[1], ".".join(table))}
    for pattern in (*include, *exclude):
        if not any(fnmatchcase(name, pattern) for name in known):
            raise UnknownNameError("table of the source", pattern, known)
    for schema in schemas:
        if schema not in {table[0] for table in catalog.tables}:
            here = {table[0] for table in catalog.tables}
            raise UnknownNameError("schema of the source", schema, here)
    return [
        table
        for name, table in catalog.tables.items()
        if (not schemas or name[0] in schemas)
        and (not include or _is_named(name, include))
        and not _is_named(name, exclude)
    ]


def _is_named(name: QualifiedName, patterns: Collection[str]) -> bool:
    return any(
        fnmatchcase(spelled, pattern)
        for spelled in (name[1], ".".join(name))
        for pattern in patterns
    )


def names(
    tables: Collection[SourceTable], longest: int, taken: Collection[str] = ()
) -> dict[QualifiedName, str]:
    """Give each table a name that an entity can have, and no other one has."""
    given: dict[QualifiedName, str] = {}
    plain = [words.plain(table.name[1]) for table in tables]
    used = {*taken, *derived((*plain, *taken))}
    for table, name in zip(tables, plain, strict=True):
        is_twice = plain.count(name) > 1 and table.name[0] != "public"
        wanted = f"{words.plain(table.name[0])}_{name}" if is_twice else name
        given[table.name] = free(wanted[:longest].rstrip("_"), used, longest)
        used.add(given[table.name])
    return given


def derived(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that Tidemark derives from those of entities, for histories and views."""
    for name in names:
        yield f"{name}_history"
        yield from (f"{prefix}_{name}" for prefix in ("clean", "live", "derive"))


def free(wanted: str, used: Collection[str], longest: int = 63) -> str:
    """Return a name that is not used: the wanted one, or one with a number behind it.

    Args:
        wanted: the name.
        used: other names.
        longest: its bytes at most.
    """
    name, number = _clipped(wanted, longest), 2
    while name in used:
        end = f"_{number}"
        name, number = _clipped(wanted, longest - len(end)) + end, number + 1
    return name


def _clipped(name: str, longest: int) -> str:
    return name.encode()[:longest].decode(errors="ignore")


def entity(table: SourceTable, name: str, zone: str) -> Entity | str:
    """Return what can be followed of a table, or say why it can't.

    Args:
        table: of the source.
        name: of the entity.
        zone: of the source's sessions.
    """
    if why := _unreadable(table):
        return why
    unread = _left_out(table)
    found = _key(table, unread)
    if isinstance(found, str):
        return found
    key, why_key = found
    stamp = _watermark(table, unread)
    return Entity(
        name=name,
        table=table,
        key=Guess(", ".join(key), why_key),
        key_columns=key,
        watermark=stamp,
        left_out=unread,
        zone=zone,
        remarks=tuple(_remarks(table, stamp, unread)),
    )


def _unreadable(table: SourceTable) -> str:
    """Say why a table can't be read; '' if it can."""
    obstacles = {
        f"its rows come with {'.'.join(table.part_of or ())}": table.part_of is not None,
        _KINDS.get(table.kind, ""): table.kind in _KINDS,
        "the login may not read it": not (table.may_use and table.may_read),
        "a policy hides rows of it from the login": table.hides_rows,
        "a tool keeps its migrations in it": words.is_bookkeeping(table.name[1]),
        "its schema has a dot in its name": "." in table.name[0],
        f"it has {len(table.columns)} columns": len(table.columns) > _WIDEST,
    }
    return next((why for why, is_there in obstacles.items() if is_there), "")


def _left_out(table: SourceTable) -> dict[str, str]:
    """Find the columns that are not read: column -> why."""
    referring = {column for reference in table.references for column in reference.columns}
    unread = {}
    for column in table.columns:
        if column.name in _OWN or _NUMBERED.fullmatch(column.name):
            unread[column.name] = "Tidemark has a column of this name"
        elif column.type in _DERIVED:
            unread[column.name] = "it is derived for searches"
        elif (
            words.is_secret(column.name)
            and column.name not in referring
            and not column.type.startswith(_NEVER_SECRET)
        ):
            unread[column.name] = "it is called like a secret"
    return unread


def _key(table: SourceTable, unread: Mapping[str, str]) -> tuple[tuple[str, ...], str] | str:
    """Find the natural key and why it is a guess, or say why there is none."""
    optional = {column.name for column in table.columns if not column.not_null}
    for index in table.indexes:
        key = tuple(column for column in index.columns if column is not None)
        if not index.is_unique or len(key) < len(index.columns) or not optional.isdisjoint(key):
            continue
        if len(key) > _LONGEST_KEY:
            return f"its key has {len(key)} columns, and a key has {_LONGEST_KEY} at most"
        for column in key:
            if column in unread:
                return f"its key has the column {column}, and {unread[column]}"
        return key, "" if index.is_primary else "a unique index whose columns are never null"
    return "it has no primary key, and no unique index whose columns are never null"


def _watermark(table: SourceTable, unread: Mapping[str, str]) -> Guess | None:
    """Choose among the times that are called like those of changes: instants, never null first."""
    usable = [
        column
        for column in table.columns
        if is_time(column)
        and column.name not in (*unread, *table.lacking)
        and words.is_change_time(column.name, table.name[1])
    ]
    if not usable:
        return None
    best = min(usable, key=lambda one: (not has_zone(one), one.type == "date", not one.not_null))
    moved = "a trigger of the table sees each update"
    trusted = "no trigger moves it, so the application has to"
    return Guess(best.name, f"its name; {moved if table.is_stamped else trusted}")


def _remarks(table: SourceTable, stamp: Guess | None, unread: Mapping[str, str]) -> list[str]:
    said = [f"{column} is left out: {why}" for column, why in unread.items()]
    if stamp is None and table.rows > _BIG:
        said.append(f"it is read whole in each batch, and has about {table.rows:,.0f} rows")
    if stamp and not table.column(stamp.value).not_null:
        said.append(f"{stamp.value} may be null, and a row without one would stop a batch")
    if stamp and not has_zone(table.column(stamp.value)):
        said.append(f"{stamp.value} has no zone, and another one than watermark_zone loses rows")
    if stamp and not table.is_stamped:
        said.append(f"{stamp.value} has to move with each update, and no trigger sees to that")
    return said
