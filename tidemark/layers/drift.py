"""How a source's table and its mirror differ, and what a run does about it.

A mirror follows a new column, and a type that became wider if PostgreSQL need not rewrite the table
for it. Any other difference stops the batch before anything moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from tidemark.declare.config import Area
from tidemark.declare.entity import Entity
from tidemark.errors import ContractError, refuse
from tidemark.layers.mirror import LINEAGE, RESERVED, Mirror
from tidemark.model import WIDEST, Column, QualifiedName, Table
from tidemark.postgres import compose, db, ddl
from tidemark.postgres.db import Composable, Session
from tidemark.postgres.sqltypes import widens

Action = Literal["add", "follow", "ignore", "stop"]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """A column that differs between a source's table and its mirror."""

    entity: str
    column: str
    source: str | None
    """Its type in the source; None: the source has no such column."""
    mirror: str | None
    """Its type in the mirror; None: the mirror has no such column."""
    action: Action
    what: str
    """What a run does about it; if it stops, the error."""
    wanted: str = ""
    """The type that the mirror gets if it follows."""
    statements: tuple[str, ...] = ()
    """What makes the mirror like the source, if a person has to decide it."""
    renamed: str | None = None
    """The column that it was renamed to, it seems."""


def compare(
    area: Area, tables: Mapping[str, Table], mirrors: Mapping[str, tuple[Mirror, Table]]
) -> list[ColumnDrift]:
    """Compare the tables of a source with their mirrors, by entity, where both are there."""
    return [
        difference
        for name, entity in area.entities.items()
        if name in tables and name in mirrors
        for difference in _Comparison(area, entity, tables[name], *mirrors[name]).differences()
    ]


def follow(
    mrr: Session,
    mirrors: Mapping[str, tuple[Mirror, Table]],
    differences: Sequence[ColumnDrift],
) -> list[ColumnDrift]:
    """Add the new columns to the mirrors, and change types that became wider, in one transaction.

    Returns:
        The differences that this has removed.

    Raises:
        ContractError: of the differences that stop a run. Nothing was changed.
    """
    todo = statements(mirrors, differences)
    if todo:
        with mrr.transaction():
            for statement in todo:
                mrr.run(statement)
    return [d for d in differences if d.action in ("add", "follow")]


def statements(
    mirrors: Mapping[str, tuple[Mirror, Table]], differences: Sequence[ColumnDrift]
) -> list[Composable]:
    """Compose what adds the new columns to the mirrors, and changes types that became wider.

    Raises:
        ContractError: of the differences that stop a run.
    """
    refuse(chain.from_iterable(problems(mirrors, differences).values()))
    return [
        statement
        for difference in differences
        if difference.action in ("add", "follow")
        for statement in _altered(mirrors[difference.entity][0], difference)
    ]


def problems(
    mirrors: Mapping[str, tuple[Mirror, Table]], differences: Sequence[ColumnDrift]
) -> dict[str, list[ContractError]]:
    """Return the differences that stop a run as errors, by entity."""
    found: dict[str, list[ContractError]] = {}
    for difference in differences:
        if difference.action == "stop":
            error = ContractError(
                difference.what,
                server="mrr",
                table=mirrors[difference.entity][1].name,
                column=difference.column,
                other=difference.renamed,
                statements=difference.statements,
            )
            found.setdefault(difference.entity, []).append(error)
    return found


def expected(
    mirrors: Mapping[str, tuple[Mirror, Table]], differences: Sequence[ColumnDrift]
) -> dict[str, tuple[Mirror, Table]]:
    """Return the mirrors as they will be once they have followed the source's columns."""
    found = dict(mirrors)
    for one in differences:
        if one.action in ("add", "follow"):
            target, table = found[one.entity]
            columns = {**table.by_name}
            columns[one.column] = Column(one.column, one.wanted)
            found[one.entity] = (target, replace(table, columns=tuple(columns.values())))
    return found


def _altered(target: Mirror, difference: ColumnDrift) -> Iterator[Composable]:
    column = Column(difference.column, difference.wanted)
    for table in target.tables:
        yield added(table, column) if difference.action == "add" else widened(table, column)


def added(table: QualifiedName, column: Column) -> Composable:
    """Compose the statement that gives a table a column."""
    return compose.statement(__name__, "add", **_parts(table, column))


def widened(table: QualifiedName, column: Column) -> Composable:
    """Compose the statement that changes a column's type to one for which no row is rewritten."""
    return compose.statement(__name__, "retype", **_parts(table, column))


def _parts(table: QualifiedName, column: Column) -> dict[str, Composable]:
    kind = db.raw(column.type)
    return {"table": db.name(*table), "column": db.name(column.name), "type": kind}


def mirrored(column: Column) -> str:
    """Return the type in a mirror for a column of the source: text, if only the source knows it.

    Of a domain that is the type under it. A `regclass` or a similar type is a number in the
    source's own catalog. On another server the number means something else, or nothing.
    """
    kind = column.value_type
    return "text" if "." in kind or _is_of_catalog(kind) else kind


def _is_of_catalog(kind: str) -> bool:
    return kind.startswith("reg")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One entity's table in the source, and its mirror."""

    area: Area
    entity: Entity
    source: Table
    target: Mirror
    mirrored: Table

    def differences(self) -> Iterator[ColumnDrift]:
        """Yield new columns, then columns with another type, then columns that are gone."""
        ours = [c for c in self.mirrored.columns if c.name in self.target.payload]
        theirs = self.source.by_name
        new = [c for c in self.source.columns if c.name not in self.target.payload]
        gone = [column for column in ours if column.name not in theirs]
        like = [replace(column, type=mirrored(column)) for column in new]
        # A renamed column looks like one that is gone and one that is new. It is reported as gone,
        # which stops the run: a column that is only added would be null in all old rows.
        renamed = {old.name: now for old in gone if (now := ddl.renamed_to(old, gone, like))}
        taken = {column.name for column in renamed.values()}
        added = [column for column in new if column.name not in taken]
        room = WIDEST - self.mirrored.slots
        yield from (self._new(column, has_room=n < room) for n, column in enumerate(added))
        for column in ours:
            there = theirs.get(column.name, column)
            # A file of sql/ may have made the source's own type in MRR, or text. Numbers of the
            # source's catalog (`regclass` and the like) mean nothing there: these have to be text.
            fits = {mirrored(there)}
            if "." in there.type:
                fits.add("text")
            if not _is_of_catalog(there.type):
                fits.add(there.type)
            if column.type not in fits:
                yield self._retyped(column, there)
        yield from (self._gone(column, renamed.get(column.name)) for column in gone)

    def _new(self, column: Column, *, has_room: bool) -> ColumnDrift:
        policy = self.entity.on_new_column
        # It can't be ignored: a comparison of keys compares the watermarks of both sides.
        if policy == "ignore" and column.name == self.entity.watermark:
            policy = "add"
        about = f"column {column.name!r} ({column.type}) is new in {self.source.name}"
        where = f"entities.{self.entity.name} of sql/{self.area.area}/area.yml"
        if policy == "ignore":
            return self._is(column.name, column.type, None, "ignore", f"{about}, and ignored")
        if policy == "add" and not has_room:
            what = (
                f"{self._both}: {about}, and {self.mirrored.name} has no room for it: "
                f"PostgreSQL counts {WIDEST} columns of a table, dropped ones too, and a mirror "
                f"has {len(LINEAGE)} of its own. Set `on_new_column: ignore` in {where}."
            )
            return self._is(column.name, column.type, None, "stop", what)
        if policy == "add" and column.name not in RESERVED:
            what = f"{about}, and added to {self.mirrored.name}: `tidemark migrate` brings it on"
            added = self._is(column.name, column.type, None, "add", what)
            return replace(added, wanted=mirrored(column))
        if policy == "add":
            what = (
                f"{self._both}: {about}, and Tidemark keeps this name for a column of "
                f"its own. Set `on_new_column: ignore` in {where}, or rename the column."
            )
        else:
            statements = ddl.add(column.name, mirrored(column), *self.target.tables)
            what = (
                f"{self._both}: {about}, and {where} says `on_new_column: fail`. "
                f"{self._remedy(statements)}, or set `add` or `ignore`."
            )
            return self._stops(column.name, column.type, None, what, statements)
        return self._is(column.name, column.type, None, "stop", what)

    def _retyped(self, column: Column, there: Column) -> ColumnDrift:
        kind, wanted = there.type, mirrored(there)
        about = f"column {column.name!r} is {kind} in {self.source.name}"
        is_read = any(column.name in view.columns for view in self.mirrored.readers())
        if widens(column.type, kind) and not is_read:
            what = f"{about}, and {self.mirrored.name} follows from {column.type}"
            return replace(self._is(column.name, kind, column.type, "follow", what), wanted=wanted)
        statements = ddl.retype(self.mirrored, column.name, wanted, *self.target.tables)
        what = (
            f"{self._both}: {about} and {column.type} in {self.mirrored.name}. "
            f"{self._remedy(statements)}."
        )
        return self._stops(column.name, kind, column.type, what, statements)

    def _gone(self, column: Column, renamed: Column | None) -> ColumnDrift:
        about = (
            f"{self._both}: column {column.name!r} ({column.type}) of {self.mirrored.name} "
            f"is gone from {self.source.name}"
        )
        if renamed:
            statements = ddl.rename(self.mirrored, column.name, renamed.name, *self.target.tables)
            what = (
                f"{about}, where {renamed.name!r} ({renamed.type}) is new: it was renamed, it "
                f"seems. {self._remedy(statements)}."
            )
        else:
            statements = ddl.drop(self.mirrored, column.name, *self.target.tables)
            what = f"{about}. {self._remedy(statements)}, or bring it back there."
            if column.name in self.entity.leave_out:
                what = (
                    f"mrr: column {column.name!r} of {self.mirrored.name} is in `leave_out` of "
                    f"entities.{self.entity.name} of sql/{self.area.area}/area.yml. "
                    f"{self._remedy(statements)}."
                )
        found = self._stops(column.name, None, column.type, what, statements)
        return replace(found, renamed=renamed.name if renamed else None)

    @property
    def _both(self) -> str:
        return f"{self.area.source.name} and mrr"

    def _is(
        self, column: str, source: str | None, mirror: str | None, action: Action, what: str
    ) -> ColumnDrift:
        return ColumnDrift(self.entity.name, column, source, mirror, action, what)

    def _stops(
        self,
        column: str,
        source: str | None,
        mirror: str | None,
        what: str,
        statements: Sequence[str],
    ) -> ColumnDrift:
        found = self._is(column, source, mirror, "stop", what)
        return replace(found, statements=tuple(statements))

    def _remedy(self, statements: Sequence[str]) -> str:
        return ddl.remedy(self.area.area, "mrr", statements)
