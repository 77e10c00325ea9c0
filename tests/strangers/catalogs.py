"""Databases that Hypothesis makes up: tables of any types, keys, names and references, and changes.

Statements find rows by their places, so nothing here knows which rows are there: one that would
break a constraint is refused by the database, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tidemark.postgres.db import quoted

TYPES = """
create type {0}.mood as enum ('sad', 'so so', 'glad');
create type {0}.pair as (a int, b text);
create domain {0}.amount as numeric(9, 2) check (value >= 0);
create domain {0}.fee as {0}.amount;
create domain {0}.code as char(3);
"""
KEYS = {
    "smallint": "1 2 -3",
    "integer": "1 2 3",
    "bigint": "1 9223372036854775807 -5",
    "numeric": "1 1.50 NaN",
    "numeric(9,2)": "1 2.5 99",
    "text": "a|A|a b|'|%s|\\|ü|",
    "character varying(10)": "a|b |NULL",
    "character(5)": "a|b|ab",
    "name": "a b c",
    "uuid": "00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-00000000000a",
    "boolean": "t f",
    "date": "2025-01-01 0001-01-01 2024-02-29",
    "timestamp with time zone": "2025-01-01 00:00:00Z|1999-12-31 23:59:59.999999Z",
    "timestamp(3) without time zone": "2025-01-01 00:00|2025-03-30 02:30",
    "time without time zone": "00:00 24:00 12:30:00.5",
    "interval": "1 day|24:00|1 mon",
    "bytea": "\\x00 \\x \\xff00",
    "inet": "10.0.0.1 10.0.0.0/8 ::1",
    "macaddr": "08:00:2b:01:02:03 08:00:2b:01:02:04",
    "int4range": "[1,5) empty (,3]",
    "bit(3)": "101 000",
    "integer[]": "{1,2} {} {NULL}",
    "jsonb": '{"a": 1}|[]|null',
    "{0}.mood": "sad|so so|glad",
    "{0}.fee": "1 2.5",
    "{0}.code": "a|b c",
}
OTHERS = {
    "real": "1.5 NaN -0 Infinity",
    "double precision": "1e300 0.1",
    "money": "1 2.50",
    "json": '{"a":  1}|{"a": 1}|[]',
    "point": "(1,2) (1,2.0000000001)",
    "box": "(1,1),(0,0)|(2,2),(0,0)",
    "circle": "<(0,0),1>|<(0,0),2>",
    "timestamp(0) without time zone": "2025-01-01|infinity|0044-03-15 BC",
    "timestamp(0) with time zone": "2025-01-01Z -infinity 2025-06-01Z",
    "time with time zone": "12:00+01 12:00+02",
    "tsvector": "a|a:1 b",
    "tstzrange": "[2025-01-01,2025-02-01)|empty",
    "int4multirange": "{[1,2),[4,5)} {}",
    "text[]": '{a,"b c",NULL}|{{a},{b}}',
    "{0}.mood[]": "{sad} {}",
    "{0}.pair": '(1,a)|(,"b c")',
    "pg_lsn": "0/1 16/B374D848",
    "oid": "1 2",
    "regclass": "pg_class pg_type",
    '"char"': "a b",
    "cidr": "10.0.0.0/8 ::/0",
    "bit varying(8)": "101 0",
}
TIMES = {name: KEYS[name] for name in KEYS if name.startswith(("date", "timestamp"))}
TIMELESS = {name: KEYS[name] for name in KEYS if name not in TIMES}
AMOUNTS = {"numeric(9,2)": "1 2.5 99", "double precision": "0.1 NaN", "money": "1 2.50"}
STAMPS = {
    "timestamp with time zone": "clock_timestamp()",
    "timestamp(3) without time zone": "clock_timestamp()::timestamp",
    "timestamp without time zone": "clock_timestamp()::timestamp",
    "date": "current_date",
}
TABLES = (
    "customers orders order_lines Order select users dim_date etl_logs live_orders clean_orders "
    "orders_history größe it's 100% a.b 1st t"
).split() + ["Order Lines", 'a"b', "x" * 63, "  "]
COLUMNS = (
    "id name amount quantity price ordered_at created_at due_date note password valid_from "
    "is_current is_deleted _seq seen seen_at reject_reasons key value user group Größe 100% %s "
    "batch_id unit status customer_id changed_at k t"
).split() + ['a"b', "a b", "y" * 63, "{x}", "it's"]
NAMES = st.sampled_from(COLUMNS)


@dataclass(frozen=True)
class Made:
    """A column of a table that was made up, or one that refers to another table's key."""

    name: str
    type: str
    values: tuple[str, ...] = ()
    not_null: bool = False


@dataclass
class Refers:
    """A reference: the columns here, and the table with the key that they name."""

    to: MadeTable
    columns: tuple[Made, ...]


@dataclass
class MadeTable:
    """A table that was made up."""

    place: str
    columns: list[Made]
    key: list[Made]
    is_primary: bool
    stamp: Made | None
    refers: list[Refers] = field(default_factory=list)

    @property
    def ddl(self) -> str:
        """The statement that makes it."""
        every = [*self.columns, *(one for r in self.refers for one in r.columns)]
        every += [self.stamp] if self.stamp else []
        parts = [f"{quoted(c.name)} {c.type}{' not null' * c.not_null}" for c in every]
        if self.key:
            kind = "primary key" if self.is_primary else "unique"
            parts.append(f"{kind} ({_named(self.key)})")
        parts += [
            f"foreign key ({_named(one.columns)}) references {one.to.place} "
            f"({_named(one.to.key)}) on delete cascade"
            for one in self.refers
        ]
        return f"create table {self.place} ({', '.join(parts)})"

    def insert(self, picks: Sequence[int]) -> str:
        """Return the statement that adds a row; which one is chosen by numbers."""
        pick = iter([*picks, *picks[::-1]] * 9)
        columns = [(c.name, _value(c, next(pick))) for c in self.columns]
        columns += [(self.stamp.name, STAMPS[self.stamp.type])] if self.stamp else []
        joined = ""
        for number, one in enumerate(self.refers):
            found = (
                f"(select {_named(one.to.key)} from {one.to.place} offset {next(pick) % 3} limit 1)"
            )
            kind = "cross join" if one.columns[0].not_null else "left join"
            joined += f" {kind} {found} as p{number}{' on true' * kind.startswith('left')}"
            for ours, theirs in zip(one.columns, one.to.key, strict=True):
                columns.append((ours.name, f"p{number}.{quoted(theirs.name)}"))
        names = ", ".join(quoted(name) for name, _ in columns)
        values = ", ".join(value for _, value in columns)
        return (
            f"insert into {self.place} ({names}) select {values} from (select) as x{joined} "
            "on conflict do nothing"
        )

    def update(self, picks: Sequence[int]) -> str:
        """Return the statement that changes a column of a row, which may be of its key."""
        column = self.columns[picks[0] % len(self.columns)]
        stamped = ""
        if self.stamp:
            stamped = f", {quoted(self.stamp.name)} = {STAMPS[self.stamp.type]}"
        changed = f"{quoted(column.name)} = {_value(column, picks[1])}{stamped}"
        return f"update {self.place} set {changed}{_one(self, picks[2])}"

    def delete(self, picks: Sequence[int]) -> str:
        """Return the statement that deletes a row."""
        return f"delete from {self.place}{_one(self, picks[0])}"


def _one(table: MadeTable, number: int) -> str:
    return (
        f" where ctid = (select ctid from {table.place} order by ctid offset {number % 4} limit 1)"
    )


def _named(columns: Sequence[Made]) -> str:
    return ", ".join(quoted(one.name) for one in columns)


def _value(column: Made, number: int) -> str:
    is_null = not column.not_null and number % 5 == 0
    value = column.values[number % len(column.values)]
    return "null" if is_null else "'" + value.replace("'", "''") + f"'::{column.type}"


@dataclass(frozen=True)
class Database:
    """A database that was made up."""

    schemas: tuple[str, str]
    tables: tuple[MadeTable, ...]
    rows: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def ddl(self) -> list[str]:
        """The statements that make it, without rows."""
        schemas = [f"create schema {one}" for one in self.schemas]
        return [*schemas, TYPES.format(self.schemas[0]), *(one.ddl for one in self.tables)]


def databases(schemas: tuple[str, str]) -> st.SearchStrategy[Database]:
    """Return a strategy of databases in two schemas."""
    return _databases(schemas)


@st.composite
def _databases(draw: st.DrawFn, schemas: tuple[str, str]) -> Database:
    place = st.tuples(st.sampled_from(schemas), st.sampled_from(TABLES))
    places = draw(st.lists(place, min_size=3, max_size=6, unique=True))
    tables: list[MadeTable] = []
    for number, (schema, name) in enumerate(places):
        shape = draw(st.sampled_from(SHAPES)) if number > 2 else SHAPES[number]
        tables.append(draw(_tables(schemas[0], quoted(schema, name), shape, tuple(tables))))
    picks = st.lists(st.integers(0, 29), min_size=6, max_size=6)
    rows = [one.insert(draw(picks)) for one in tables for _ in range(draw(st.integers(0, 4)))]
    changes = []
    for one in draw(st.lists(st.sampled_from(tables), max_size=8)):
        what = draw(st.sampled_from([MadeTable.insert, MadeTable.update, MadeTable.delete]))
        changes.append(what(one, draw(picks)))
    return Database(schemas, tuple(tables), tuple(rows), tuple(changes))


SHAPES = ("any", "event", "line")
"""What a table may be made to look like. The first three of a database are these, in this order."""


@st.composite
def _tables(
    draw: st.DrawFn, schema: str, place: str, shape: str, others: tuple[MadeTable, ...]
) -> MadeTable:
    names = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    width = draw(st.sampled_from([1, 1, 1, 2, 3, 0])) % len(names)
    kinds = KEYS if shape == "any" else TIMELESS
    key = [draw(_columns(schema, name, kinds, not_null=True)) for name in names[:width]]
    rest = [draw(_columns(schema, name, kinds | OTHERS)) for name in names[width:]]
    if shape == "event":
        rest.append(draw(_columns(schema, "bought_on", TIMES, not_null=True)))
    if shape == "line":
        rest.append(draw(_columns(schema, "total", AMOUNTS)))
    stamp = None
    if kind := draw(st.sampled_from([None, *STAMPS])):
        name = draw(st.sampled_from(["updated_at", "lastUpdate", "modified"]))
        stamp = Made(name, kind, not_null=draw(st.booleans()))
    table = MadeTable(place, [*key, *rest], key, draw(st.booleans()), stamp)
    table.refers += draw(_references(table, shape, [one for one in others if one.key]))
    return table


@st.composite
def _references(
    draw: st.DrawFn, table: MadeTable, shape: str, others: list[MadeTable]
) -> list[Refers]:
    """Draw what a table refers to: itself, or others. Events and lines refer to the last one."""
    keyed = [*others, *([table] if table.key else [])]
    first = others[-1:] if shape != "any" else []
    named = draw(st.lists(st.sampled_from(keyed), max_size=2)) if keyed else []
    found = []
    for number, to in enumerate([*first, *named]):
        is_there = (bool(first) and number == 0) or (to is not table and draw(st.booleans()))
        refers = [Made(f"r{number}_{c.name}"[:40], c.type, (), is_there) for c in to.key]
        found.append(Refers(to, tuple(refers)))
    return found


@st.composite
def _columns(
    draw: st.DrawFn, schema: str, name: str, kinds: dict[str, str], *, not_null: bool = False
) -> Made:
    kind = draw(st.sampled_from([*kinds]))
    values = kinds[kind]
    texts = tuple(values.split("|" if "|" in values else " "))
    return Made(name, kind.format(schema), texts, not_null or draw(st.booleans()))
