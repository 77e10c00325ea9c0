"""Statements by which a table follows another one, as contract errors print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidemark.model import Column, QualifiedName, Table
from tidemark.postgres import db, sqltypes


def add(column: str, kind: str, *tables: QualifiedName) -> list[str]:
    """Give tables a column."""
    return _altered(f"add column {db.quoted(column)} {kind}", tables)


def drop(found: Table, column: str, *tables: QualifiedName) -> list[str]:
    """Drop a column of tables, and first the views of `found` that read it."""
    return [*_without(found, column), *_altered(f"drop column {db.quoted(column)}", tables)]


def rename(found: Table, column: str, to: str, *tables: QualifiedName) -> list[str]:
    """Rename a column. Views that read it go first: replacing a view can't rename its columns."""
    change = f"rename column {db.quoted(column)} to {db.quoted(to)}"
    return [*_without(found, column), *_altered(change, tables)]


def retype(found: Table, column: str, kind: str, *tables: QualifiedName) -> list[str]:
    """Change a column's type. Views that read it go first: PostgreSQL refuses the change otherwise.

    A cast is written out if the types are of different families, which PostgreSQL requires.
    """
    name, old = db.quoted(column), found.column(column).value_type
    is_alike = sqltypes.holds(kind, old) or sqltypes.holds(old, kind)
    change = f"alter column {name} type {kind}{'' if is_alike else f' using {name}::{kind}'}"
    return [*_without(found, column), *_altered(change, tables)]


def renamed_to(old: Column, gone: Sequence[Column], new: Sequence[Column]) -> Column | None:
    """Guess to which new column a column was renamed: the only new one of its type."""
    like = [column for column in new if column.type == old.type]
    unlike = [column for column in gone if column.type == old.type and column != old]
    return like[0] if len(like) == 1 and not unlike else None


def remedy(area: str, layer: str, statements: Iterable[str]) -> str:
    """Say where statements have to go, so that they are applied once and to every warehouse."""
    wanted = list(dict.fromkeys(statements))
    views = any(statement.startswith("drop ") for statement in wanted)
    return (
        f"Put `{'; '.join(wanted)};` into a new file of sql/{area}/{layer}/ and run "
        f"`tidemark migrate`{', which makes the views of its folder again' if views else ''}"
    )


def _altered(change: str, tables: Sequence[QualifiedName]) -> list[str]:
    # In a new warehouse a table that Tidemark makes is not there yet when files are applied. It is
    # made afterwards, like the one that it follows.
    return [f"alter table if exists {named(*table)} {change}" for table in tables]


def named(schema: str, name: str) -> str:
    """Quote a table; statements run with `public` as the search path."""
    return db.quoted(name) if schema == "public" else db.quoted(schema, name)


def _without(found: Table, column: str) -> list[str]:
    # In a new warehouse the numbered files are applied before there is any view.
    return [
        f"drop {view.name.replace('view ', 'view if exists ', 1)}"
        for view in found.readers()
        if column in view.columns
    ]
