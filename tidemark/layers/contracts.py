"""What tables of neighbouring layers must have in common. It is checked before anything moves.

Each check yields what is wrong. A contract error names both sides, and prints the statements that
make one side like the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidemark.declare.config import Area
from tidemark.errors import ContractError
from tidemark.model import WIDEST, Column, QualifiedName, Table
from tidemark.postgres import (
    compose,
    db,
    ddl,
    question,
    sqltypes,
)
from tidemark.postgres.db import Row
from tidemark.postgres.question import Question

REPLACED_BY = "_replaced_by"
"""Column of a history that its mirror has not: the batch that wrote the version after a version."""


@dataclass(frozen=True, slots=True)
class Narrower:
    """A column of a landing table whose type holds only some values of the mirror's type."""

    table: str
    column: str
    what: str


def history_of(table: QualifiedName) -> QualifiedName:
    """Return the name of the table that keeps the replaced versions of a mirror."""
    schema, name = table
    return schema, f"{name}_history"


def without_order(layer: str, table: Table) -> Iterator[ContractError]:
    """Say that a table that an older Tidemark made has not been migrated."""
    if "_seq" not in table.names:
        yield ContractError(
            f"{layer}: {table.name} has no column '_seq', the order of the versions that a batch "
            "shows of a key. `tidemark migrate` adds it.",
            server=layer,
            table=table.name,
            column="_seq",
        )


def without_replacement(layer: str, history: Table) -> Iterator[ContractError]:
    """Say that a history that an older Tidemark made has not been migrated."""
    if REPLACED_BY not in history.names:
        yield ContractError(
            f"{layer}: {history.name} has no column {REPLACED_BY!r}, the batch that replaced a "
            "version. `tidemark migrate` adds it.",
            server=layer,
            table=history.name,
            column=REPLACED_BY,
        )


def order_not_passed_on(view: Table) -> Iterator[ContractError]:
    """Say that a cleansing view loses the order of the versions that a batch shows."""
    if "_seq" not in view.names:
        yield ContractError(
            f"stg: {view.name} has no column '_seq', the order of the versions that a batch shows "
            "of a key. Add the line `, _seq` behind the last column of the view, and of those that "
            "it reads, and run `tidemark migrate`.",
            server="stg",
            table=view.name,
            column="_seq",
        )


def unlike(layer: str, area: Area, table: Table, history: Table) -> Iterator[ContractError]:
    """Say where a history can't hold every version of its mirror, unchanged."""
    kept = history.by_name
    here = table.by_name
    here_or_ours = {*here, REPLACED_BY}
    gone = [column for column in history.columns if column.name not in here_or_ours]
    new = [column for column in table.columns if column.name not in kept]
    for column in table.columns:
        both = f"{layer}: column {column.name!r} is {column.type} in {table.name} and "
        other = None
        if column.name not in kept:
            old = [one for one in gone if ddl.renamed_to(one, gone, new) == column]
            statements = ddl.add(column.name, column.type, history.qualified_name)
            if old:
                statements = ddl.rename(history, old[0].name, column.name, history.qualified_name)
            what = f"{both}missing in {history.name}"
            other = old[0].name if old else None
        elif kept[column.name].type != column.type:
            what = f"{both}{kept[column.name].type} in {history.name}"
            statements = ddl.retype(history, column.name, column.type, history.qualified_name)
        else:
            continue
        yield mended(area, layer, history, what, statements, column=column.name, other=other)
    # A column that the mirror has lost may stay in the history with its old values. If it is not
    # null and has no default, no further version could be kept.
    for column in gone:
        if column.not_null and not column.has_default:
            statements = ddl.drop(history, column.name, history.qualified_name)
            what = (
                f"{layer}: column {column.name!r} of {history.name} is gone from {table.name}, and "
                "not null"
            )
            yield mended(area, layer, history, what, statements, column=column.name)


def narrower(table: Table, landing: Table) -> list[Narrower]:
    """Compare a landing table with the mirror that is sent; say which columns are narrower."""
    sent = {column.name: column.type for column in table.columns}
    return [
        Narrower(landing.name, column.name, _differs(column, landing, table, sent[column.name]))
        for column in landing.columns
        if column.name in sent and sqltypes.widens(column.type, sent[column.name])
    ]


def out_of_step(table: Table, landing: Table) -> Iterator[ContractError]:
    """Say where a landing table can't take what the mirror before it sends."""
    sent = {column.name: column.type for column in table.columns}
    for column in landing.columns:
        kind = sent.get(column.name)
        if kind is None:
            what = (
                f"column {column.name!r} ({column.type}) of {landing.name} is not in {table.name}"
            )
            yield _out_of_step(f"{what}. Let the cleansing view do without it", landing, column)
        elif kind != column.type and not sqltypes.widens(column.type, kind):
            yield _out_of_step(_differs(column, landing, table, kind), landing, column)


def _differs(column: Column, landing: Table, table: Table, kind: str) -> str:
    return f"column {column.name!r} is {column.type} in {landing.name} and {kind} in {table.name}"


def _out_of_step(what: str, landing: Table, column: Column) -> ContractError:
    return ContractError(
        f"mrr and stg: {what}. `tidemark migrate` brings {landing.name} in step.",
        server="stg",
        table=landing.name,
        column=column.name,
    )


def not_held(
    area: Area, table: Table, view: Table, own: Collection[str]
) -> Iterator[ContractError]:
    """Say where STG's table can't hold every value that its cleansing view can yield, unchanged.

    Args:
        area: the area of the table.
        table: STG's.
        view: the cleansing view.
        own: columns that are Tidemark's.
    """
    yielded = view.by_name
    gone = [column for column in table.columns if column.name not in yielded]
    known = {*table.names, *own}
    new = [column for column in view.columns if column.name not in known]
    for column in table.columns:
        if column.name not in yielded:
            renamed = ddl.renamed_to(column, gone, new)
            said, statements = _not_yielded(view, table, column, renamed)
            which = {"column": column.name, "other": renamed.name if renamed else None}
            way = "let the view yield it"
            yield mended(area, "stg", table, said, statements, **which, way=way)
            continue
        kind = yielded[column.name].type
        if kind == column.type or sqltypes.holds(column.type, yielded[column.name].value_type):
            continue
        said = (
            f"stg: column {column.name!r} is {kind} in {view.name}, and {column.type} in "
            f"{table.name} can't hold every value of it"
        )
        if column.name in own:
            yield ContractError(
                f"{said}. Cast it in the view.", server="stg", table=view.name, column=column.name
            )
            continue
        statements = ddl.retype(
            table, column.name, kind, table.qualified_name, history_of(table.qualified_name)
        )
        way = "cast it in the view"
        yield mended(area, "stg", table, said, statements, column=column.name, way=way)


def mended(
    area: Area,
    layer: str,
    table: Table,
    said: str,
    statements: Sequence[str],
    *,
    column: str | None = None,
    other: str | None = None,
    way: str = "",
) -> ContractError:
    """Say what is wrong, and by which statements of a layer it is mended, or in which other way."""
    remedy = ddl.remedy(area.area, layer, statements) + (f", or {way}" if way else "")
    return ContractError(
        f"{said}. {remedy}.",
        server=layer,
        table=table.name,
        column=column,
        other=other,
        statements=statements,
    )


def _not_yielded(
    view: Table, table: Table, column: Column, renamed: Column | None
) -> tuple[str, list[str]]:
    """Say that a view lacks a column of its table; return also the statements to drop it there."""
    said = f"stg: {view.name} has no column {column.name!r}, which {table.name} behind it has"
    names = table.qualified_name, history_of(table.qualified_name)
    if renamed is None:
        return said, ddl.drop(table, column.name, *names)
    said += f"; it has {renamed.name!r}: it was renamed, it seems"
    return said, ddl.rename(table, column.name, renamed.name, *names)


def not_stored(
    area: Area, table: Table, wanted: Sequence[str], staged: Mapping[str, Column]
) -> Iterator[ContractError]:
    """Say which columns a dimension lacks that area.yml names and STG sends."""
    gone = [one for one in table.columns if one.name not in staged and not one.has_default]
    new = [staged[name] for name in wanted if name in staged and name not in table.by_name]
    for column in new:
        said = f"dwh: {table.name} has no column {column.name!r} ({column.type}), which STG sends"
        old = [one for one in gone if ddl.renamed_to(one, gone, new) == column]
        statements = ddl.add(column.name, column.type, table.qualified_name)
        if old:
            said += f". It has {old[0].name!r}, which STG lacks: it was renamed, it seems"
            statements = ddl.rename(table, old[0].name, column.name, table.qualified_name)
        other = old[0].name if old else None
        yield mended(area, "dwh", table, said, statements, column=column.name, other=other)


def unfed(
    area: Area,
    table: Table,
    feeds: Mapping[str, str],
    staged: Table,
    own: Collection[str],
    *,
    view: QualifiedName,
) -> Iterator[ContractError]:
    """Say which columns of a DWH table are neither Tidemark's, nor fed with their own type.

    Columns that PostgreSQL itself fills need no feed.

    Args:
        area: the area of the table.
        table: the DWH's.
        feeds: column of the table -> column of STG.
        staged: STG's table.
        own: columns that Tidemark itself fills.
        view: the cleansing view behind STG's table.
    """
    for column in table.columns:
        if column.name in own or (column.has_default and column.name not in feeds):
            continue
        if column.name not in feeds:
            yield _unfed(area, table, column, feeds, staged)
            continue
        sent = staged.column(feeds[column.name])
        if sent.type == column.type:
            continue
        said = (
            f"stg and dwh: column {sent.name!r} is {sent.type} in STG, and {table.name}."
            f"{column.name} is {column.type}"
        )
        tables = staged.qualified_name, history_of(staged.qualified_name)
        statements = ddl.retype(staged, sent.name, column.type, *tables)
        if column.parts_table:
            # Of a view that is replaced, no column gets another type.
            statements = [f"drop view {ddl.named(*view)}", *statements]
            said += ". PostgreSQL retypes no column that a table is partitioned by. "
            said += f"Cast it in {'.'.join(view)}"
        elif not sqltypes.holds(column.type, sent.value_type):
            statements = ddl.retype(table, column.name, sent.type, table.qualified_name)
            yield mended(area, "dwh", table, said, statements, column=column.name)
            continue
        yield mended(area, "stg", staged, said, statements, column=sent.name)


def _unfed(
    area: Area, table: Table, column: Column, feeds: Mapping[str, str], staged: Table
) -> ContractError:
    said = f"dwh: nothing feeds {table.name}.{column.name}: STG has no such column"
    new = [one for one in staged.columns if one.name not in (*feeds.values(), *table.names)]
    renamed = ddl.renamed_to(column, [column], new)
    which: Any = {"server": "dwh", "table": table.name, "column": column.name}
    if renamed is None:
        return ContractError(f"{said}. Add it to STG, rename it, or give it a default.", **which)
    statements = ddl.rename(table, column.name, renamed.name, table.qualified_name)
    remedy = ddl.remedy(area.area, "dwh", statements)
    said += f". If it is {renamed.name!r} there: {remedy}. Else add it to STG."
    return ContractError(said, **which, other=renamed.name, statements=statements)


def keys_not_named(
    area: Area, table: Table, confirmed: Table, key: Sequence[str]
) -> Iterator[ContractError]:
    """Say which columns of a dimension's keys its confirmations can't name."""
    names = confirmed.names
    gone = [name for name in names if name not in (*key, "confirmed_at", "_batch_id")]
    for column in map(table.column, key):
        both = f"dwh: column {column.name!r} is {column.type} in {table.name} and "
        if column.name not in names:
            what = f"{both}missing in {confirmed.name}"
            statements = ddl.rename(confirmed, gone[0], column.name, confirmed.qualified_name)
        elif confirmed.type_of(column.name) != column.type:
            what = f"{both}{confirmed.type_of(column.name)} in {confirmed.name}"
            statements = ddl.retype(confirmed, column.name, column.type, confirmed.qualified_name)
        else:
            continue
        yield mended(area, "dwh", confirmed, what, statements, column=column.name)


def foreign_keys(area: Area) -> Question[Sequence[Row]]:
    """Ask the DWH for the foreign keys of an area's star, for `hasty`."""
    which = {
        "schema": area.schema_name,
        "facts": [entity.dwh for entity in area.facts],
        "dimensions": [entity.dwh for entity in area.dimensions],
    }
    return question.of(compose.statement(__name__, "foreign_keys"), which, tuple)


def hasty(
    area: Area, found: Sequence[Row], owners: Mapping[QualifiedName, Area]
) -> Iterator[ContractError]:
    """Say which foreign keys of the star are not deferrable, or do more than check.

    A batch removes superseded versions before it moves their facts. So a foreign key has to wait
    for the end of the batch, and must not delete or change the facts.

    Args:
        area: the area of the star.
        found: the answer to `foreign_keys`.
        owners: table of another area's fact -> that area, whose files have the key.
    """
    for table, schema, name, waits, only_checks, definition in found:
        altered = ddl.named(schema, table)
        said = f"dwh: the foreign key {name!r} of {schema}.{table}"
        if not only_checks:
            statements = [
                f"alter table {altered} drop constraint {db.quoted(name)}",
                f"alter table {altered} add constraint {db.quoted(name)} {definition} deferrable",
            ]
            what = "does more than check when a version is deleted, before its facts have moved"
        elif not waits:
            statements = [f"alter table {altered} alter constraint {db.quoted(name)} deferrable"]
            what = "is not deferrable: it is checked before a batch has moved all that it moves"
        else:
            continue
        owner, place = owners.get((schema, table), area), Table(f"{schema}.{table}", ())
        yield mended(owner, "dwh", place, f"{said} {what}", statements)


def too_wide(layer: str, table: str, columns: int, own: int) -> Iterator[ContractError]:
    """Say that no work table can be made with a table's columns, and Tidemark's own beside."""
    if columns + own > WIDEST:
        yield ContractError(
            f"{layer}: {table} has {columns} columns to move, and a batch needs {own} beside them: "
            f"more than the {WIDEST} that PostgreSQL lets a table have. Leave out "
            f"{columns + own - WIDEST}.",
            server=layer,
            table=table,
        )
