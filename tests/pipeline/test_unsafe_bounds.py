"""Where rows come later than they were stamped, no bound is safe, and that is said."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection

from tests.commands import tidemark
from tests.fix_areas import Dimension, Made, Make
from tests.fix_retail import wait_until
from tests.fix_servers import SETTINGS, connect, database, memory
from tests.queries import execute, rows
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.errors import WindowError
from tidemark.install import embedded
from tidemark.model import Overrides
from tidemark.observe import doctor, plan
from tidemark.postgres.db import Session
from tidemark.sources import tables, window
from tidemark.trust import verify

THINGS = Dimension({"id": "integer", "v": "text", "updated_at": "timestamptz"}, ("id",))
TABLE = "create table things (id int primary key, v text, updated_at timestamptz)"
AHEAD = """
    update tidemark.source_position
    set position = position || jsonb_build_object('high', now() + interval '1 hour')
"""
FUTURE = "insert into things values (9, 'later', now() + interval '3 years')"


def filled(made: Make, entity: Dimension = THINGS) -> Made:
    area = made(entity)
    area.put(entity, *((n, "v", "2025-01-01") for n in range(1, 4)))
    area.run()
    return area


def test_a_clock_that_was_set_back_stops_the_batch(made: Make):
    area = filled(made)
    area.warehouse.execute("mrr", AHEAD)
    area.put(THINGS, (4, "lost?", "2025-01-01"))
    with pytest.raises(WindowError, match=r"things: the source's clock .* was set back") as raised:
        area.run()
    assert (raised.value.area, raised.value.entities) == ("made", ("things",))
    with pytest.raises(WindowError):
        plan.make(area.servers, area.area)
    found = doctor.examine(Project(area.home), area.servers)
    assert [f.layer for f in found if f.severity == "problem" and "was set back" in f.what] == [
        "operational"
    ]


def test_all_entities_that_are_ahead_of_the_clock_begin_anew_at_once(made: Make):
    others = replace(
        THINGS,
        entity="others",
        source=("public", "others"),
        mrr="mrr_others",
        stg="stg_others",
        table="dim_others",
        surrogate="other_key",
    )
    area = made(THINGS, others)
    area.run()
    area.warehouse.execute("mrr", AHEAD)
    refused = tidemark("run", env=area.environment)
    command = "tidemark run made --full-refresh others --full-refresh things"
    assert refused.err.count(f"`{command}`") == 1, refused
    done = tidemark(*command.split()[1:], env=area.environment)
    assert (done.code, area.run().changed) == (0, 0), done


def test_a_full_refresh_begins_a_new_mark_after_the_clock_was_set_back(made: Make):
    area = filled(made)
    area.warehouse.execute("mrr", AHEAD)
    area.put(THINGS, (4, "kept", "2025-01-01"))

    refresh = Overrides(refresh=frozenset(["things"]))
    pipeline.run(area.servers, area.area, overrides=refresh)

    marks = "select (position ->> 'high')::timestamptz < now() from tidemark.source_position"
    assert area.warehouse.rows("mrr", marks) == [(True,)]
    area.warehouse.execute("operational", "update things set v = 'new', updated_at = now()")
    area.run()
    assert [row[1] for row in area.published(THINGS)] == ["new"] * 4


def test_settle_goes_on_whatever_the_clock_says(made: Make):
    entity = replace(THINGS, settings={"settle": "1s"})
    area = filled(made, entity)
    area.warehouse.execute("mrr", AHEAD)
    assert area.run().changed == 0


def test_rows_of_the_future_are_counted_and_said(made: Make):
    area = filled(made)
    area.warehouse.execute("operational", FUTURE)
    said = "things: 1 rows are stamped in the future, and no batch reads them before then"
    for command in ("plan", "run", "verify"):
        done = tidemark(command, env=area.environment)
        assert (done.code, said in done.out) == (0, True), done
    found = doctor.examine(Project(area.home), area.servers)
    assert [f.severity for f in found if f.what.endswith(said)] == ["warning"]
    assert [e.future for e in plan.make(area.servers, area.area).entities] == [1]
    assert verify.run(area.servers, area.area).notes == [said]


def test_rows_a_little_ahead_of_the_clock_are_none_of_the_future(made: Make):
    area = filled(made)
    ahead = "insert into things values (9, 'soon', now() + interval '20 seconds')"
    area.warehouse.execute("operational", ahead)
    assert [e.future for e in plan.make(area.servers, area.area).entities] == [0]


BEHIND = {
    "a materialized view": (
        "create materialized view things as select * from old_things",
        "rows of things come when it is refreshed, later than they were stamped. "
        "Extract from the tables behind it, ",
    ),
    "a partition on another server": (
        "create foreign data wrapper none; create server elsewhere foreign data wrapper none;"
        "create table things (like old_things) partition by list (id);"
        "create foreign table far partition of things default server elsewhere",
        "rows of far lie on another server, later than they were stamped. "
        "Extract from that server, ",
    ),
}


@pytest.mark.parametrize("behind", BEHIND)
def test_a_relation_whose_rows_come_late_has_no_safe_bound(
    operational: Connection, make_area: Callable[[str], Area], behind: str
):
    statements, said = BEHIND[behind]
    area = make_area("things")
    execute(operational, TABLE.replace("things", "old_things"))
    execute(operational, statements)
    session = Session(operational, "operational")
    seen, _ = window.activity(session, area, tables.named(session, area))
    with pytest.raises(WindowError) as raised:
        window.window(area, area.entities["things"], None, seen)
    assert str(raised.value) == (
        f"made.things: no safe upper bound is known: {said}"
        "or set `settle: 15m` (lossy) in sql/made/area.yml."
    )


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    """URL of a server that can publish, with a table of things."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-publisher-", dir=memory()))
    folder.chmod(0o711)
    settings = {**SETTINGS, "wal_level": "logical"}
    try:
        yield embedded.start(folder, ("operational",), settings=settings)["operational"]
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def publisher(source: str) -> Iterator[Connection]:
    """A database that publishes things."""
    with closing(connect(source)) as found:
        execute(
            found,
            f"{TABLE}; create table parted (like things) partition by list (id);"
            "create table part partition of parted default;"
            "create publication all_things for table things, parted "
            "with (publish_via_partition_root)",
        )
        execute(found, "select pg_create_logical_replication_slot('things', 'pgoutput')")
        execute(found, "create database subscriber")
        yield found
        execute(found, "drop database subscriber with (force)")


@pytest.fixture(scope="module")
def subscriber(source: str, publisher: Connection) -> Iterator[Connection]:
    """A database whose things a subscription brings."""
    with closing(connect(database(source, "subscriber"))) as found:
        execute(
            found,
            f"{TABLE}; create view shown as select * from things;"
            "create table parted (like things) partition by list (id);"
            "create table part partition of parted default;"
            "create view part_shown as select * from part",
        )
        execute(
            found,
            f"create subscription things connection '{source}' publication all_things "
            "with (create_slot = false)",
        )
        yield found
        execute(found, "alter subscription things disable")
        execute(found, "alter subscription things set (slot_name = none)")
        execute(found, "drop subscription things")


@pytest.mark.parametrize(
    ("table", "subscribed"),
    [
        ("things", "things"),
        ("shown", "things"),
        ("parted", "parted"),
        ("part", "part"),
        ("part_shown", "part"),
    ],
)
def test_a_subscribed_table_has_no_safe_bound(
    subscriber: Connection, make_area: Callable[[str], Area], table: str, subscribed: str
):
    area = make_area(table)
    session = Session(subscriber, "operational")
    seen, _ = window.activity(session, area, tables.named(session, area))
    said = f"rows of {subscribed} come by a subscription"
    with pytest.raises(WindowError, match=said) as raised:
        window.window(area, area.entities["things"], None, seen)
    assert "Extract from the publisher" in str(raised.value)
    settled = area.entities["things"].model_copy(update={"settle": timedelta(minutes=15)})
    assert window.window(area, settled, None, seen).high is not None


def test_what_a_subscription_brings_is_stamped_before_it_comes(
    publisher: Connection, subscriber: Connection
):
    """Why there is no safe bound: with one, this row would be lost."""
    execute(publisher, "insert into things values (1, 'v', now() - interval '1 hour')")
    arrived = "select id from things where updated_at < now() - interval '59 minutes'"
    wait_until(lambda: rows(subscriber, arrived) == [(1,)])


@pytest.fixture
def make_area() -> Callable[[str], Area]:
    def make(table: str) -> Area:
        entity = {**THINGS.declared, "source": table}
        return Area.model_validate({"area": "made", "entities": {"things": entity}})

    return make
