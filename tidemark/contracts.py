"""What tables of neighbouring layers must have in common, before anything moves.

A contract error names both sides, and prints the statements by which the one follows the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tidemark import ddl, sqltypes
from tidemark.catalog import TableName
from tidemark.config import Area
from tidemark.errors import ContractError
from tidemark.model import Column, Table


@dataclass(frozen=True, slots=True)
class Narrower:
    """A column of a landing table that takes most values of its mirror's."""

    what: str
    statements: tuple[str, ...]
    """Those that make it as wide."""


def require_alike(layer: str, area: Area, table: Table, history: Table, name: TableName) -> None:
    """Check that a history takes every version of its mirror as it is."""
    kept = {column.name: column for column in history.columns}
    here = {column.name: column for column in table.columns}
    gone = [column for column in history.columns if column.name not in here]
    new = [column for column in table.columns if column.name not in kept]
    for column in table.columns:
        both = f"{layer}: column {column.name!r} is {column.type} in {table.name} and "
        if column.name not in kept:
            old = [one for one in gone if ddl.renamed_to(one, gone, new) == column]
            statements = ddl.add(column.name, column.type, name)
            if old:
                statements = ddl.rename(old[0].name, column.name, name)
            what = f"{both}missing in {history.name}"
        elif kept[column.name].type != column.type:
            what = f"{both}{kept[column.name].type} in {history.name}"
            statements = ddl.retype(history, column.name, column.type, name)
        else:
            continue
        raise ContractError(f"{what}. {ddl.remedy(area.area, layer, statements)}.")
    for column in gone:
        if column.not_null and not column.has_default:
            statements = ddl.drop(history, column.name, name)
            raise ContractError(
                f"{layer}: column {column.name!r} of {history.name} is gone from {table.name}, and "
                f"not null. {ddl.remedy(area.area, layer, statements)}."
            )


def narrower(area: Area, table: Table, landing: Table) -> list[Narrower]:
    """Compare a landing table with the mirror that is sent; say which columns are narrower.

    Raises:
        ContractError: it has a column that the mirror lacks, or has with another type.
    """
    sent = {column.name: column.type for column in table.columns}
    found = []
    for column in landing.columns:
        kind = sent.get(column.name)
        if kind == column.type:
            continue
        if kind is None:
            raise _gone(area, table, landing, column)
        both = f"{column.type} in {landing.name} and {kind} in {table.name}"
        statements = ddl.retype(landing, column.name, kind, _landing_of(landing))
        if not sqltypes.widens(column.type, kind):
            remedy = ddl.remedy(area.area, "stg", statements)
            raise ContractError(f"mrr and stg: column {column.name!r} is {both}. {remedy}.")
        found.append(Narrower(f"column {column.name!r} is {both}", tuple(statements)))
    return found


def _gone(area: Area, table: Table, landing: Table, column: Column) -> ContractError:
    """Say that MRR lacks a column of a landing table, and which one it has become, it seems."""
    missing = [one for one in landing.columns if one.name not in table.names]
    new = [one for one in table.columns if one.name not in landing.names]
    said = (
        f"mrr and stg: column {column.name!r} ({column.type}) of {landing.name} is not in "
        f"{table.name}"
    )
    renamed = ddl.renamed_to(column, missing, new)
    if renamed:
        statements = ddl.rename(column.name, renamed.name, _landing_of(landing))
        said += f", which has {renamed.name!r}: it was renamed, it seems"
    else:
        statements = ddl.drop(landing, column.name, _landing_of(landing))
    remedy = ddl.remedy(area.area, "stg", statements)
    return ContractError(f"{said}. Let the cleansing view do without it. {remedy}.")


def _landing_of(landing: Table) -> TableName:
    schema, _, name = landing.name.partition(".")
    return schema, name


def require_held(
    area: Area, table: Table, view: Table, names: Sequence[TableName], own: Collection[str]
) -> None:
    """Check that STG's table takes what its cleansing view yields, and changes no value.

    Args:
        area: whose it is.
        table: STG's.
        view: the cleansing view.
        names: the table and its history.
        own: columns that are Tidemark's.
    """
    yielded = {column.name: column for column in view.columns}
    gone = [column for column in table.columns if column.name not in yielded]
    new = [column for column in view.columns if column.name not in (*table.names, *own)]
    for column in table.columns:
        if column.name not in yielded:
            renamed = ddl.renamed_to(column, gone, new)
            said, statements = _not_yielded(view, table, names, column, renamed)
            remedy = ddl.remedy(area.area, "stg", statements)
            raise ContractError(f"{said}. {remedy}, or let the view yield it.")
        kind = yielded[column.name].type
        if kind == column.type or sqltypes.holds(column.type, yielded[column.name].value_type):
            continue
        said = (
            f"stg: column {column.name!r} is {kind} in {view.name}, and {column.type} in "
            f"{table.name} can't hold every value of it."
        )
        if column.name in own:
            raise ContractError(f"{said} Cast it in the view.")
        statements = ddl.retype(table, column.name, kind, *names)
        remedy = ddl.remedy(area.area, "stg", statements)
        raise ContractError(f"{said} {remedy}, or cast it in the view.")


def _not_yielded(
    view: Table, table: Table, names: Sequence[TableName], column: Column, renamed: Column | None
) -> tuple[str, list[str]]:
    """Say that a view lacks a column of the table behind it, and how the table does without."""
    said = f"stg: {view.name} has no column {column.name!r}, which {table.name} behind it has"
    if renamed is None:
        return said, ddl.drop(table, column.name, *names)
    said += f"; it has {renamed.name!r}: it was renamed, it seems"
    return said, ddl.rename(column.name, renamed.name, *names)
