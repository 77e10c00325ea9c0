"""The values that all rooms share. There is no I/O here, and the only clock measures durations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

Layer = Literal["mrr", "stg", "dwh"]
LAYERS: tuple[Layer, ...] = ("mrr", "stg", "dwh")

ServerName = str
"""A server that a session is on: a layer, or a source by its name, which no layer has."""

DEFAULT_SOURCE = "operational"
"""The name of a source that area.yml gives no other."""


def is_source(server: ServerName) -> bool:
    """Whether a server is a source. Its data and its rights do not belong to Tidemark."""
    return server not in LAYERS


def dsn_variable(server: ServerName) -> str:
    """Return the name of the environment variable that holds a server's DSN."""
    kind = "" if server in (*LAYERS, DEFAULT_SOURCE) else "SOURCE_"
    return f"TIDEMARK_{kind}{server.upper()}_DSN"


def url_variable(source: str) -> str:
    """Return the environment variable that says where a source's files are."""
    return f"TIDEMARK_SOURCE_{source.upper()}_URL"


QualifiedName = tuple[str, str]
"""Schema and table, unquoted."""


def label(qualified_name: QualifiedName) -> str:
    """Return a table's name for people and control tables: without the schema in `public`."""
    schema, table = qualified_name
    return table if schema == "public" else f"{schema}.{table}"


ETL_ROLE = "tidemark_etl"
"""The role that owns the warehouse. The pipeline works with its rights."""

ANALYST_ROLE = "tidemark_analyst"
"""The role that reads the star schema and the logs; its members are people and their tools."""

MONITOR_ROLE = "tidemark_monitor"
"""The role that reads logs and marks alone; its members are monitoring systems."""

READER_ROLE = "tidemark_reader"
"""The role that reads all of MRR, STG and the star, and does nothing else. In the DWH its members
are people whom the console shows all."""

CONSOLE_ROLE = "tidemark_console"
"""The role of the console's login: it may become a monitor, an analyst or a reader, and nothing
else."""

Hop = Literal["extract", "stage", "publish"]
HOPS: tuple[Hop, ...] = ("extract", "stage", "publish")

SEEN_AT = "_extracted_at"
"""Lineage column with the clock of the look that showed a version."""

FIRST_SEEN_AT = "_seen_at"
"""Column of a fact's feed with the clock of the batch that first saw its key."""

BEGINNING_OF_TIME = datetime(1900, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


WIDEST = 1600
"""Columns that PostgreSQL lets a table have."""

_WITHOUT_EQUALITY = frozenset(
    "box circle interval json jsonpath line lseg path pg_snapshot point polygon refcursor "
    "txid_snapshot xml".split()
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog shows it.

    `type` is `format_type`'s spelling, with the schema in front unless the type is built in.
    """

    name: str
    type: str
    not_null: bool = False
    has_default: bool = False
    base: str | None = None
    """The type under a domain; None for any other type."""
    parts_table: bool = False
    """Whether its table is partitioned by it. PostgreSQL can't change the type of such a column."""

    @property
    def value_type(self) -> str:
        """The type of its values: under a domain, or its own."""
        return self.base or self.type

    @property
    def is_compared_as_text(self) -> bool:
        """Whether a change can't be seen by the type's `=`.

        json has no `=`. For `=`, two boxes of one area are equal, and so are 30 days and a month. A
        type that is not built in, such as citext, may have any `=`.
        """
        return "." in self.type or re.split(r"\W", self.type)[0] in _WITHOUT_EQUALITY


def compared_as_text(columns: Iterable[Column]) -> frozenset[str]:
    """Return the names of the columns that are compared as text."""
    return frozenset(column.name for column in columns if column.is_compared_as_text)


@dataclass(frozen=True, slots=True)
class Reader:
    """A view that reads a table, by itself or through other views."""

    name: str
    """`view` or `materialized view`, and its quoted name."""
    columns: frozenset[str]
    """The columns of the table that it reads."""
    qualified_name: QualifiedName = ("", "")


Kind = Literal["table", "view", "materialized view", "foreign table", "query", "files"]
"""What PostgreSQL calls something that has rows. A partitioned table is a table. Files are no table
of PostgreSQL's."""

FILE = "_file"
"""Column of a mirror with the file that showed a version: its path below the source's url."""

LINE = "_line"
"""Column of a mirror with the record's number in that file, from 1; a header is not counted."""

ORIGIN = (FILE, LINE)
"""Columns that say where a version was shown. That it is shown elsewhere again is no change.

As a key they make a row of each record."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalog shows it; `unique` holds the column sets of its unique indexes."""

    name: str
    columns: tuple[Column, ...]
    unique: tuple[frozenset[str], ...] = ()
    rows: float = 0.0
    """The planner's estimate; -1 before the first ANALYZE."""
    readers: Callable[[], tuple[Reader, ...]] = field(default=tuple, compare=False)
    """Asks which views read it, in an order in which they can be dropped. It is asked only where a
    statement has to name them, since that takes as long as reading all the rest."""
    slots: int = 0
    """How many of its WIDEST columns are used up. Dropped columns count."""
    qualified_name: QualifiedName = ("", "")
    """The same name in its two parts; `name` joins them for people."""
    kind: Kind = "table"
    generated: Mapping[str, str] = field(default_factory=dict)
    """Column -> its expression, of those that are made of others where rows land."""
    by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)
    """The columns by their names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    def is_unique(self, key: Iterable[str]) -> bool:
        """Whether an index says that no two rows have the same key."""
        columns = {*key}
        return any(unique <= columns for unique in self.unique)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the table's order. Those of a query may have one twice."""
        return tuple([column.name for column in self.columns])

    def column(self, name: str) -> Column:
        """The column `name`; KeyError if there is none."""
        return self.by_name[name]

    def type_of(self, name: str) -> str:
        """The type of column `name`; KeyError if there is none."""
        return self.column(name).type


@dataclass(frozen=True, slots=True)
class BlockingSession:
    """The session whose open transaction holds a bound back, or that holds a lock."""

    pid: int
    user: str
    application: str
    age_seconds: float | None
    """None: PostgreSQL shows it only to this user and to members of pg_read_all_stats."""

    def __str__(self) -> str:
        name = self.application or "no application name"
        age = "" if self.age_seconds is None else f", open for {self.age_seconds:.0f} s"
        return f"pid {self.pid} ({self.user}, {name}){age}"


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open slice [low, high) of an entity's watermark column.

    `low` None: from the start. `high` None: the whole table (`extract: full`).
    """

    low: datetime | None
    high: datetime | None
    held_by: BlockingSession | None = None
    why: str = ""
    """Why it begins at the start, although rows were read before; '' as a rule."""
    drawn: Mapping[datetime, int] = field(default_factory=dict)
    """If the watermark is a number: instant -> the last number that was drawn by then."""

    @property
    def is_empty(self) -> bool:
        """Whether no row can lie in it."""
        return self.low is not None and self.high is not None and self.high <= self.low


Event = Literal[
    "batch_failed",
    "check",
    "data_late",
    "delete_guard",
    "differences",
    "held_back",
    "rejects",
    "server_away",
]
"""What alerts are of."""
EVENTS: tuple[Event, ...] = get_args(Event)


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands in the way of an area now, in words that hold no row's data."""

    event: Event
    subject: str
    """What it is of, such as a check or a server; '' where an area has but one of the event."""
    severity: Literal["warn", "fail"]
    what: str
    since: datetime
    look: str
    """The command that shows more."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Where alerts go, and the project whose they are."""

    home: Path
    urls: tuple[str, ...]
    """Those of TIDEMARK_ALERT_URLS, with passwords."""


Severity = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing; `remedy` is a statement or a command."""

    layer: ServerName
    """The layer, or the name of the source."""
    severity: Severity
    what: str
    remedy: str = ""


Suspect = tuple[str, Mapping[str, object]]
"""An entity, and the key of a row of it as text; an empty key stands for all rows of a batch."""

CheckStatus = Literal["PASSED", "WARNED", "FAILED", "ERROR"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check has found."""

    check: str
    entity: str | None
    """None: it is of the area."""
    layer: Layer
    severity: Literal["reject", "warn", "fail"]
    status: CheckStatus
    """ERROR: it could not run, which counts as broken."""
    value: Decimal | None
    """Rows that break it, or what it counts; None: it has measured nothing."""
    bound: str
    """What the value may be."""
    message: str
    """What was found, without any value of a row."""
    sample: Sequence[Mapping[str, object]] = ()
    """Keys of some rows that break it."""
    seconds: float = 0.0
    accepted_by: str | None = None
    """Who let it pass; None: nobody."""
    suspects: Sequence[Suspect] = field(default=(), repr=False)
    """The rows that break it, of one that says `fail`."""

    @property
    def is_broken(self) -> bool:
        """Whether something is not as it should be."""
        return self.status != "PASSED"

    @property
    def is_open(self) -> bool:
        """Whether nothing may be published because of it."""
        return self.severity == "fail" and self.is_broken and self.accepted_by is None

    def __str__(self) -> str:
        accepted = f" (accepted by {self.accepted_by})" if self.accepted_by else ""
        return (
            f"check {self.check!r} {self.status.lower()} on {self.layer}: {self.message}{accepted}"
        )


def in_the_future(rows: int) -> str:
    """Say that rows were left out, since their watermarks lie in the future."""
    return f"{rows:,} rows are stamped in the future, and no batch reads them before then"


Key = tuple[str, ...]
"""A natural key's values as text, in the key's order."""

Position = Mapping[str, Any]
"""How far an item was read, in the source's own terms, as a JSON object.

`high` is its high-water mark (ISO 8601 with a zone), if it has one. `seen`, in the position of the
item '', says of all other items what was to be seen of them, with nothing left to read.
"""

Positions = Mapping[str, Mapping[str, Position]]
"""Entity -> item -> position. The one item of a table is ''. If its position says what was `seen`,
the other items are left out: a source that sees something else reads them.

An entity without positions has no row in the mirror yet. An empty position says that the mirror has
rows, and that nothing is known about how far the item was read."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a batch sends through the hops again, because two layers differ in it."""

    clock: datetime
    """The source's, when the layers were compared."""
    resent: Mapping[str, Sequence[Key]]
    """Entity -> keys whose rows every layer writes again, as the source has them."""
    surplus: Mapping[Layer, Mapping[str, Sequence[Key]]]
    """Layer -> entity -> keys that it has and the layer before it lacks. They are deleted."""
    rejects: Mapping[str, Sequence[Key]]
    """Entity -> MRR keys of open rejects whose row is not refused now. They are resolved."""
    aggregates: Sequence[str] = ()
    """Aggregates that differ from what their facts say. They are computed as a whole."""

    def names(self, entity: str) -> bool:
        """Whether rows of an entity are to be written again or deleted."""
        found = (self.resent, self.rejects, *self.surplus.values())
        return any(each.get(entity) for each in found)

    def among(self, entities: Collection[str]) -> Repair:
        """Return what the repair sends again of some entities."""
        resent = {name: keys for name, keys in self.resent.items() if name in entities}
        return replace(self, resent=resent)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a person asks of one extraction, in addition to area.yml."""

    refresh: frozenset[str] = frozenset()
    """Entities to read as a whole. Rows that did not change write nothing."""
    accept_deletes: bool = False
    """Delete every row that is gone from the source, however many there are."""
    repair: Repair | None = None
    """Move these keys and nothing else; the positions stay."""
    retry: frozenset[str] = frozenset()
    """Items to take again, such as files, by their names."""
    accept_checks: frozenset[str] = frozenset()
    """Checks that do not keep this batch from being published, whatever they find."""
    by: str = ""
    """Who says so."""


NO_OVERRIDES = Overrides()
