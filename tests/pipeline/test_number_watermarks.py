"""Watermarks that are numbers of a sequence: they lose nothing either."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from tests.fix_areas import Dimension, Made, Make
from tests.pipeline.test_derived import change
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import ContractError, NullWatermarkError, WindowError
from tidemark.install import migrate
from tidemark.model import Overrides
from tidemark.postgres.sessions import Servers

THINGS = Dimension(
    {"id": "int", "v": "text", "version": "bigint", "at": "timestamptz default now()"},
    ("id",),
    watermark="version",
    effective="at",
    settings={"watermark_sequence": "versions", "deletes": "detect"},
)
SOURCE = """
create sequence versions;
grant select on sequence versions to tidemark_etl;
create function draw() returns trigger language plpgsql as
$$ begin new.version := nextval('public.versions'); new.at := clock_timestamp(); return new; end $$;
create trigger draw before insert or update on things for each row execute function draw();
create index on things (version)
"""


@pytest.fixture
def numbered(made: Make) -> Made:
    area = made(THINGS, layers=("operational", "dwh"))
    area.warehouse.execute("operational", SOURCE)
    migrate.migrate(Project(area.home), area.servers)
    write(area, 1, "a")
    area.run()
    return area


def write(area: Made, key: int, value: str) -> None:
    statement = (
        f"insert into things values ({key}, '{value}') on conflict (id) do update set v = '{value}'"
    )
    area.warehouse.execute("operational", statement)


def rows(area: Made) -> list[tuple[Any, ...]]:
    query = "select id, v from dim_things where is_current and thing_key <> 0 order by 1"
    return area.warehouse.rows("dwh", query)


def test_what_was_drawn_since_the_last_look_is_read(numbered: Made):
    assert rows(numbered) == [(1, "a")]
    write(numbered, 2, "b")
    write(numbered, 1, "c")
    result = numbered.run()
    assert result.hops[0].entities["things"].processed == 2
    assert rows(numbered) == [(1, "c"), (2, "b")]
    assert numbered.run().hops[0].entities["things"].processed == 0
    assert numbered.differences() == []


def test_a_late_commit_comes_with_a_later_batch(numbered: Made):
    with closing(psycopg2.connect(numbered.warehouse.dsn["operational"])) as late:
        execute(late, "insert into things values (2, 'late')")
        write(numbered, 3, "early")
        numbered.run()
        write(numbered, 4, "next")
        numbered.run()
        assert rows(numbered) == [(1, "a")]
        late.commit()
    assert numbered.differences() == []
    numbered.run()
    assert rows(numbered) == [(1, "a"), (2, "late"), (3, "early"), (4, "next")]
    assert numbered.differences() == []


def test_what_was_drawn_before_an_old_transaction_began_is_read(numbered: Made):
    write(numbered, 2, "b")
    with closing(psycopg2.connect(numbered.warehouse.dsn["operational"])) as idle:
        numbered.run()  # Reads the sequence, so that its number is known for this instant.
        write(numbered, 3, "c")
        execute(idle, "select 1")
        numbered.run()
        assert rows(numbered) == [(1, "a"), (2, "b")]
        idle.rollback()
    numbered.run()
    assert rows(numbered) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_deleted_and_an_overlooked_row_are_found_by_their_keys(numbered: Made):
    write(numbered, 2, "b")
    numbered.run()
    change(numbered, "alter table things disable trigger draw")
    change(numbered, "insert into things values (3, 'c', 1, now())")
    change(numbered, "delete from things where id = 2")
    allowed = Overrides(accept_deletes=True)
    pipeline.run(numbered.servers, numbered.area, overrides=allowed)
    assert rows(numbered) == [(1, "a"), (3, "c")]
    assert numbered.differences() == []


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(
    ("statement", "error", "said"),
    [
        ("drop sequence versions", ContractError, "sequence public.versions does not exist"),
        ("alter sequence versions cache 20", ContractError, "each session keeps 20 numbers"),
        ("alter sequence versions cycle", ContractError, "do not always grow"),
        ("alter sequence versions increment -1 minvalue -9", ContractError, "do not always grow"),
        ("alter table things alter version type text", ContractError,
         "a number of the sequence versions is smallint, integer or bigint"),
        ("alter sequence versions restart", WindowError, "has drawn nothing, and 1 was seen"),
        ("alter table things disable trigger draw; insert into things (id) values (2)",
         NullWatermarkError, "1 rows have no version"),
        ("alter table things disable trigger draw; insert into things values (2, 'b', 7)",
         NullWatermarkError, "1 rows have version above all that versions has drawn"),
    ],
    ids=["gone", "cache", "cycle", "downwards", "type", "set back", "none", "above"],
)  # fmt: skip
def test_numbers_that_are_no_watermark_are_refused(
    numbered: Made, statement: str, error: type[Exception], said: str
):
    numbered.warehouse.execute("operational", statement)
    with pytest.raises(error) as refused:
        numbered.run()
    assert said in str(refused.value)
    assert rows(numbered) == [(1, "a")]


@pytest.mark.further
def test_a_login_that_may_not_read_the_sequence_is_told_how(numbered: Made):
    run = numbered.warehouse.execute
    run("operational", "create role numberless login password 'x' in role pg_read_all_stats")
    run("operational", "grant select on things to numberless")
    dsn = numbered.warehouse.dsn
    source = f"postgresql://numberless:x@{dsn['operational'].rpartition('@')[2]}"
    try:
        with Servers({**dsn, "operational": source}) as servers:
            with pytest.raises(ContractError, match=r'on sequence "?public"?\."?versions'):
                pipeline.run(servers, numbered.area)
            run("operational", "grant select on sequence versions to numberless")
            pipeline.run(servers, numbered.area)
    finally:
        run("operational", "drop owned by numberless; drop role numberless")
