"""What every kind of source does. A new kind gets a feed here, and passes all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import pytest

from tests.fix_areas import Dimension, Made, Make
from tests.fix_files import Drop, Dropped, csv_text
from tests.fix_memory import MemorySource
from tests.fix_posted import Post, Posting
from tidemark.batch import extract, pipeline
from tidemark.errors import RefusedRowError
from tidemark.layers import positions
from tidemark.model import Column, Positions
from tidemark.postgres import rowsize, transfer
from tidemark.postgres.inlet import OWN_COLUMNS, Inlet
from tidemark.postgres.transfer import Landing, Task
from tidemark.sources import Countable, Delta, Source, Which
from tidemark.sources.files import FilesSource
from tidemark.sources.inbox import InboxSource
from tidemark.sources.postgres import PostgresSource

THINGS = Dimension({"id": "integer", "v": "text", "updated_at": "timestamptz"}, ("id",))
CLOCKED = replace(
    THINGS,
    columns={**THINGS.columns, "updated_at": "timestamp"},
    settings={"watermark_zone": "America/St_Johns"},
)
COLUMNS = (Column("id", "integer"), Column("v", "text"))
NUMBERS = (Column("id", "integer"), Column("v", "integer"))

TYPED = """
create table mrr_things (id integer, v text, _file text, _line bigint);
select tidemark.create_mirror('mrr_things', array['id']);
"""

Rows = list[tuple[Any, ...]]


class Feed(Protocol):
    """A source, and what its application does."""

    @property
    def made(self) -> Made: ...
    @property
    def source(self) -> Source: ...

    def put(self, key: int, value: str) -> None: ...
    def drop(self, key: int) -> None: ...


@dataclass
class Tables:
    """The application writes to a PostgreSQL table."""

    made: Made
    source: Source = field(init=False)
    clock: ClassVar[str] = "clock_timestamp()"

    def __post_init__(self) -> None:
        self.source = PostgresSource(self.made.servers)

    def put(self, key: int, value: str) -> None:
        self.made.warehouse.execute(
            "operational",
            f"""
            insert into things values (%s, %s, {self.clock}) on conflict (id) do update
            set v = excluded.v, updated_at = excluded.updated_at
            """,
            [key, value],
        )

    def drop(self, key: int) -> None:
        self.made.delete(THINGS, "id = %s", [key])


class Clocked(Tables):
    """The application stamps rows with what the clock on its wall shows."""

    clock = "clock_timestamp() at time zone 'America/St_Johns'"


@dataclass
class Journal:
    """The application appends to a journal in memory."""

    made: Made
    source: MemorySource = field(init=False)

    def __post_init__(self) -> None:
        columns = tuple(Column(name, kind) for name, kind in THINGS.columns.items())
        columns = tuple(
            Column(c.name, c.type.replace("timestamptz", "timestamp with time zone"))
            for c in columns
        )
        self.source = MemorySource(columns)

    def put(self, key: int, value: str) -> None:
        self.source.say((str(key),), v=value, updated_at="2025-03-01Z")

    def drop(self, key: int) -> None:
        self.source.say((str(key),))


@dataclass
class Drops:
    """A partner drops a file for each row, and takes the files of a row away with it."""

    made: Dropped
    source: FilesSource = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.source = FilesSource(self.made.servers, self.made.area)

    def put(self, key: int, value: str) -> None:
        self.number += 1
        self.made.drop(f"things/{self.number:03}-{key}.csv", csv_text((key, value)))

    def drop(self, key: int) -> None:
        for path in self.made.drops.glob(f"things/*-{key}.csv"):
            path.unlink()


@dataclass
class Events:
    """An application posts events. An operator may take them out of the inbox."""

    made: Posting
    source: InboxSource = field(init=False)

    def __post_init__(self) -> None:
        self.source = InboxSource(self.made.servers)

    def put(self, key: int, value: str) -> None:
        self.made.post("things", id=key, v=value)

    def drop(self, key: int) -> None:
        self.made.warehouse.execute(
            "mrr", "delete from tidemark.inbox where payload @> jsonb_build_object('id', %s)", [key]
        )


@pytest.fixture(params=["postgres", "clocks", "memory", "files", "events"])
def feed(request: pytest.FixtureRequest, made: Make, dropped: Drop, posting: Post) -> Feed:
    match request.param:
        case "postgres":
            return Tables(made(THINGS))
        case "clocks":
            return Clocked(made(CLOCKED))
        case "memory":
            return Journal(made(THINGS))
        case "events":
            return Events(posting())
    return Drops(dropped({}, sql={"mrr/01_things.sql": TYPED}))


def sent(
    feed: Feed, delta: Delta, which: Which = "new", columns: tuple[Column, ...] = COLUMNS
) -> Rows:
    """Land what a look sends, and return it."""
    landing = Landing(("landing", "taken"), columns + OWN_COLUMNS)
    with feed.made.servers.session("mrr", "take") as mrr:
        mrr.run(landing.emptied)
        transfer.land(mrr, Task(landing, lambda out: delta.send("things", out, which)))
        return mrr.rows("select id, v from landing.taken order by id, v")


def taken(feed: Feed, delta: Delta) -> Rows:
    """Land what is new, as a batch does, and return it."""
    rows = sent(feed, delta)
    with feed.made.servers.session("mrr", "take") as mrr, mrr.transaction():
        mrr.run("select pg_current_xact_id()")
        delta.landed(mrr, 1)
    return rows


def look(feed: Feed, at: Positions) -> tuple[Rows, Positions]:
    """Return what is new since some positions, and the positions to go on from."""
    with feed.source.open(feed.made.area, at) as delta:
        assert list(delta.to_send) in ([], ["things"])
        rows = taken(feed, delta) if delta.to_send else []
        moved = json.loads(json.dumps(delta.positions))
        return rows, {"things": {**at.get("things", {}), **moved["things"]}}


def test_the_first_look_shows_all_and_the_next_what_is_new(feed: Feed):
    feed.put(1, "one")
    feed.put(2, "two")
    first, at = look(feed, {})
    nothing, still = look(feed, at)
    feed.put(2, "changed")
    third, _ = look(feed, still)
    assert (first, nothing, third) == ([(1, "one"), (2, "two")], [], [(2, "changed")])


def test_looking_moves_nothing(feed: Feed):
    feed.put(1, "one")
    for _ in range(2):
        with feed.source.open(feed.made.area, {}) as delta:
            assert sent(feed, delta) == [(1, "one")]


def test_an_empty_position_shows_all(feed: Feed):
    feed.put(1, "one")
    assert look(feed, {"things": positions.UNKNOWN})[0] == [(1, "one")]


def test_what_comes_during_a_look_comes_with_the_next(feed: Feed):
    feed.put(1, "one")
    with feed.source.open(feed.made.area, {}) as delta:
        feed.put(2, "two")
        rows, at = taken(feed, delta), delta.positions
    assert (rows, look(feed, at)[0]) == ([(1, "one")], [(2, "two")])


def test_keys_and_rows_that_are_asked_for_are_sent(feed: Feed):
    for key in (1, 2, 3):
        feed.put(key, "v")
    _, at = look(feed, {})
    with feed.source.open(feed.made.area, at) as delta:
        assert sent(feed, delta, [("1",), ("3",), ("9",)]) == [(1, "v"), (3, "v")]
        assert sent(feed, delta, "all") == [(1, "v"), (2, "v"), (3, "v")]


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each item that began was sent the careful way."""
    begin, found = Inlet.begin, list[bool]()

    def noted(out: Inlet, *args: Any, is_careful: bool = False, **more: Any) -> Any:
        found.append(is_careful)
        return begin(out, *args, is_careful=is_careful, **more)

    monkeypatch.setattr(Inlet, "begin", noted)
    return found


def test_what_the_receiver_refuses_is_sent_again_the_careful_way(feed: Feed, began: list[bool]):
    feed.put(1, "11")
    feed.put(2, "two")
    with feed.source.open(feed.made.area, {}) as delta:
        assert sent(feed, delta, columns=NUMBERS) == [(1, 11)]
    assert (began[0], began[-1]) == (False, True)


@pytest.mark.parametrize("feed", ["postgres", "clocks", "events"], indirect=True)
def test_what_the_sender_refuses_is_not_sent_again(
    feed: Feed, began: list[bool], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rowsize, "LIMIT", 1 << 20)
    feed.put(1, "x" * (1 << 21))
    with (
        feed.source.open(feed.made.area, {}) as delta,
        pytest.raises(RefusedRowError, match="one of 2 MB") as raised,
    ):
        sent(feed, delta)
    assert (type(raised.value), began) == (RefusedRowError, [False])


def test_all_keys_are_sent_without_those_that_are_gone(feed: Feed):
    for key in (1, 2, 3):
        feed.put(key, "v")
    feed.drop(2)
    landing = Landing(("landing", "taken"), COLUMNS[:1])
    with (
        feed.source.open(feed.made.area, {}) as delta,
        feed.made.servers.session("mrr", "take") as mrr,
    ):
        mrr.run(landing.emptied)
        transfer.land(mrr, Task(landing, lambda out: delta.send_keys("things", out)))
        assert mrr.rows("select id from landing.taken order by id") == [(1,), (3,)]


def test_a_look_says_what_its_rows_are_like_and_when_it_was(feed: Feed):
    feed.put(1, "one")
    with feed.source.open(feed.made.area, {}) as delta:
        assert delta.tables["things"].column("id").type == "integer"
        assert delta.clock.tzinfo is not None
        assert not isinstance(delta, Countable) or delta.count("things") == 1


def test_a_look_says_of_rows_without_items_whether_all_come(feed: Feed):
    feed.put(1, "one")
    _, later = look(feed, {})
    whole = []
    for at in ({}, {"things": positions.UNKNOWN}, later):
        with feed.source.open(feed.made.area, at) as delta:
            whole.append("things" in delta.whole)
    is_without = isinstance(feed, (Tables, Events))
    assert whole == [is_without, is_without, False]


def mirrored(feed: Feed) -> Rows:
    query = "select id, v from mrr_things where _deleted_at is null order by id"
    return feed.made.warehouse.rows("mrr", query)


def extracted(feed: Feed) -> None:
    batch = pipeline.begin(feed.made.servers, feed.made.area)
    extract.run(feed.made.servers, feed.made.area, batch, feed.source)


def test_a_batch_mirrors_what_the_source_shows(feed: Feed):
    feed.put(1, "one")
    feed.put(2, "two")
    extracted(feed)
    feed.put(2, "changed")
    feed.put(3, "three")
    extracted(feed)
    assert mirrored(feed) == [(1, "one"), (2, "changed"), (3, "three")]


def test_a_batch_that_fails_leaves_rows_and_positions(feed: Feed, monkeypatch: pytest.MonkeyPatch):
    feed.put(1, "one")
    extracted(feed)
    at = feed.made.warehouse.rows("mrr", "select position from tidemark.source_position")
    feed.put(1, "changed")
    with monkeypatch.context() as patch:
        patch.setattr(extract, "_record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            extracted(feed)
    assert feed.made.warehouse.rows("mrr", "select position from tidemark.source_position") == at
    assert mirrored(feed) == [(1, "one")]
    extracted(feed)
    assert mirrored(feed) == [(1, "changed")]


@pytest.fixture
def journal(made: Make) -> Journal:
    return Journal(made(THINGS))


def test_the_versions_of_an_item_are_kept_in_order_with_its_clocks(journal: Journal):
    for value in ("one", "two"):
        journal.put(1, value)
    journal.drop(1)
    journal.put(1, "three")

    extracted(journal)

    kept = """
        select _seq, v, to_char(_extracted_at, 'SS'), _deleted_at is not null from {}
        order by _seq
    """
    rows = journal.made.warehouse.rows
    assert rows("mrr", kept.format("mrr_things_history")) == [
        (1, "one", "00", False),
        (2, "two", "01", False),
        (3, "two", "02", True),
    ]
    assert rows("mrr", kept.format("mrr_things")) == [(4, "three", "03", False)]


def test_a_delete_of_an_item_is_one(journal: Journal):
    journal.put(1, "one")
    journal.put(2, "two")
    extracted(journal)
    journal.drop(1)
    extracted(journal)
    assert mirrored(journal) == [(2, "two")]


def test_a_row_that_the_receiver_refuses_is_kept_with_its_reason(journal: Journal):
    journal.source.columns = tuple(
        Column("id", "text") if c.name == "id" else c for c in journal.source.columns
    )
    journal.put(1, "one")
    journal.source.say(("x",), v="bad", updated_at="2025-03-01Z")
    journal.put(3, "three")
    with pytest.raises(Exception, match="column 'id' is text"):
        extracted(journal)
    journal.source.columns = Journal(journal.made).source.columns

    extracted(journal)

    assert mirrored(journal) == [(1, "one"), (3, "three")]
    ((line, text, reasons),) = journal.made.warehouse.rows(
        "mrr", "select line, row_text::jsonb, reasons from tidemark.refused"
    )
    assert (line, reasons) == (2, ["id: not a valid integer"])
    assert (text["id"], text["v"]) == ("x", "bad")


def test_what_has_to_hold_with_the_rows_is_done_in_their_transaction(journal: Journal):
    journal.put(1, "one")
    extracted(journal)
    assert journal.source.landed == 1
