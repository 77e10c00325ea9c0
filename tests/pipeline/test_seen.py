"""`seen`: what has no time of its own counts as of when Tidemark saw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.declare.settings import Retention
from tidemark.errors import ContractError, WindowError
from tidemark.install import migrate
from tidemark.model import BEGINNING_OF_TIME, END_OF_TIME, Overrides
from tidemark.observe import status
from tidemark.trust import rebuild, verify

WHOLE = {"extract": "full", "watermark": None, "max_delete_ratio": 1.0}
THINGS = Dimension(
    {"id": "int", "v": "text", "note": "text"},
    ("id",),
    type1=("note",),
    effective="seen",
    settings=WHOLE,
)
EVENTS = Fact(
    {"no": "int", "id": "int", "amount": "int"},
    ("no",),
    "seen",
    {"thing_key": "things"},
    settings={"max_delete_ratio": 1.0},
)
STAR = ("operational", "dwh")
UPPER = """
create or replace view landing.clean_things as
select
    id, upper(v) as v, note, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at,
    array[]::text[] as reject_reasons
from landing.things
"""
VERSIONS = """
    select v, valid_from, valid_to, is_deleted from dim_things where id = 1 order by valid_from
"""
FACTS = """
    select no, amount, v, seen_at from fact_events join dim_things using (thing_key)
    where no < 9 order by no
"""


@pytest.fixture
def area(made: Make) -> Made:
    """A thing that an event names, and others which never change."""
    area = made(THINGS, EVENTS, layers=STAR)
    area.put(THINGS, (1, "a", ""), (9, "z", ""))
    area.put(EVENTS, (1, 1, 10), (9, 9, 90))
    area.run()
    return area


def clocks(area: Made) -> dict[int, datetime]:
    """Return the source's clock in each batch."""
    found = area.warehouse.rows("stg", "select batch_id, clock from tidemark.batch_clock")
    return dict(found)


def facts(area: Made) -> list[tuple[object, ...]]:
    return area.warehouse.rows("dwh", FACTS)


def test_a_change_takes_effect_when_it_is_seen(area: Made):
    for change in ("v = 'b'", "v = v", "note = 'x'"):
        area.change(THINGS, change, where="id = 1")
        area.run()
    area.delete(THINGS, "id = %s", [1])
    area.run()
    area.put(THINGS, (1, "b", ""))
    area.run()
    at = clocks(area)
    assert area.warehouse.rows("dwh", VERSIONS) == [
        ("a", BEGINNING_OF_TIME, at[2], False),
        ("b", at[2], at[5], True),
        ("b", at[6], END_OF_TIME, False),
    ]
    assert area.differences() == []


def test_the_first_version_may_begin_when_it_is_seen(made: Make):
    declared = {**THINGS.declared["dimension"], "first_version": "change"}
    area = made(replace(THINGS, settings={**WHOLE, "dimension": declared}), layers=STAR)
    area.put(THINGS, (1, "a", ""))
    area.run()
    assert area.warehouse.rows("dwh", VERSIONS) == [("a", clocks(area)[1], END_OF_TIME, False)]


def test_a_look_that_finds_nothing_new_changes_nothing(area: Made):
    assert area.run().changed == 0
    assert facts(area) == [(1, 10, "a", clocks(area)[1])]


def test_a_layer_that_was_away_gets_each_version_at_its_time(area: Made):
    for v in "bc":
        area.change(THINGS, f"v = '{v}'", where="id = 1")
        batch = pipeline.begin(area.servers, area.area)
        pipeline.run_hop(area.servers, area.area, "extract", batch_id=batch)
    area.run()
    at = clocks(area)
    assert [row[:2] for row in area.warehouse.rows("dwh", VERSIONS)] == [
        ("a", BEGINNING_OF_TIME),
        ("b", at[2]),
        ("c", at[3]),
    ]


def test_a_fact_stays_where_it_was_seen_first(area: Made):
    area.change(THINGS, "v = 'b'", where="id = 1")
    area.put(EVENTS, (2, 1, 20), (3, 1, 30))
    area.run()
    area.change(EVENTS, "amount = 11", where="no = 1")
    area.delete(EVENTS, "no = %s", [2])
    area.run()
    area.put(EVENTS, (2, 1, 22))
    area.run()
    at = clocks(area)
    assert facts(area) == [(1, 11, "a", at[1]), (2, 22, "b", at[2]), (3, 30, "b", at[2])]
    assert area.differences() == []


def lose_stg(area: Made) -> None:
    area.warehouse.execute("stg", "drop table stg_events, stg_events_history")
    migrate.migrate(Project(area.home), area.servers)
    area.run()


def lose_dwh(area: Made) -> None:
    area.warehouse.execute(
        "dwh", "delete from fact_events; update high_water_mark set batch_id = 0"
    )
    area.run()


def lose_history(area: Made) -> None:
    """Let no layer know any more what the fact was like in its first batch."""
    forgetful = area.area.model_copy(update={"retention": Retention(history=timedelta(0))})
    pipeline.run(area.servers, forgetful)
    assert area.warehouse.rows("mrr", "select from mrr_events_history") == []
    rebuild.run(area.servers, area.area, accept_lost_history=True)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("lose", [lose_stg, lose_dwh, lose_history])
def test_a_fact_stays_where_it_was_when_a_layer_is_made_again(
    area: Made, lose: Callable[[Made], None]
):
    area.change(EVENTS, "amount = 11", where="no = 1")
    area.run()
    lose(area)
    area.change(EVENTS, "amount = 12", where="no = 1")
    area.run()
    assert facts(area) == [(1, 12, "a", clocks(area)[1])]
    assert area.differences() == []


@pytest.mark.further
def test_a_repair_makes_no_version_of_a_row_that_is_as_it_was(area: Made):
    area.warehouse.execute("dwh", "update dim_things set v = 'edited' where id = 1")
    found = verify.run(area.servers, area.area)
    assert not found.is_equal
    pipeline.run(area.servers, area.area, overrides=Overrides(repair=found.repair()))
    assert [row[:2] for row in area.warehouse.rows("dwh", VERSIONS)] == [("a", BEGINNING_OF_TIME)]
    assert area.differences() == []


@pytest.mark.further
def test_other_rules_of_cleansing_make_no_version(area: Made):
    view = area.home / "sql" / "made" / "stg" / "views" / "clean_things.sql"
    view.parent.mkdir(parents=True)
    view.write_text(UPPER, "utf-8")
    migrate.migrate(Project(area.home), area.servers)
    pipeline.run(area.servers, area.area, overrides=Overrides(refresh=frozenset(["things"])))
    assert [row[:2] for row in area.warehouse.rows("dwh", VERSIONS)] == [("A", BEGINNING_OF_TIME)]
    assert verify.run(area.servers, area.area).is_equal


def test_verify_compares_with_the_source_what_is_read_as_a_whole(area: Made):
    area.put(EVENTS, (2, 1, 20))
    area.change(THINGS, "v = 'b'", where="id = 1")
    checks = verify.run(area.servers, area.area).checks[:2]
    counted = [
        (one.entity, one.compared.sent, one.compared.kept, one.compared.pending) for one in checks
    ]
    assert counted == [("events", 3, 2, 1), ("things", 2, 2, 1)]
    assert [one.compared.differences for one in checks] == [[], []]


def test_the_status_says_how_fresh_they_are(area: Made):
    marks = status.read(area.servers, area.area).marks
    assert [(one.table, one.high_water_mark) for one in marks] == [
        ("dim_things", clocks(area)[1]),
        ("fact_events", clocks(area)[1]),
    ]


def test_a_clock_that_was_set_back_stops_the_batch(area: Made):
    ahead = "position || jsonb_build_object('read_at', now() + interval '1 hour')"
    area.warehouse.execute("mrr", f"update tidemark.source_position set position = {ahead}")
    with pytest.raises(
        WindowError, match=r"made\.things: .* rows were seen at .* already"
    ) as stopped:
        area.run()
    assert stopped.value.entities == ("things",)
    pipeline.run(area.servers, area.area, overrides=Overrides(refresh=frozenset(["things"])))
    assert area.differences() == []


TAKEN: dict[str, tuple[Dimension | Fact, str, str]] = {
    "an entity of a dimension": (THINGS, "seen", "has a column 'seen', and dimension.effective"),
    "an entity of a fact": (EVENTS, "seen", "has a column 'seen', and fact.event_time"),
    "the usual column": (EVENTS, "seen_at", r"say `rename: \{first_seen_at: seen\}`"),
}


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("case", TAKEN)
def test_a_column_of_that_name_is_refused(made: Make, case: str):
    entity, column, said = TAKEN[case]
    area = made(THINGS, EVENTS, layers=STAR)
    area.warehouse.execute("operational", f"alter table {entity.entity} add {column} int")
    migrate.migrate(Project(area.home), area.servers)
    area.put(entity, (1, *["1"] * (len(entity.columns) - 1)))
    with pytest.raises(ContractError, match=said):
        area.run()


def test_a_fact_needs_a_column_for_it(area: Made):
    area.warehouse.execute("dwh", "alter table fact_events rename seen_at to first_seen_at")
    with pytest.raises(ContractError, match="has no column 'seen_at'") as refused:
        area.run()
    [added] = refused.value.statements
    assert (
        added == 'alter table if exists "fact_events" add column "seen_at" timestamp with time zone'
    )
    declared = area.home / "sql" / "made" / "area.yml"
    renamed = "event_time: seen\n      rename: {first_seen_at: seen}"
    declared.write_text(declared.read_text("utf-8").replace("event_time: seen", renamed), "utf-8")
    area.area = Project(area.home).area()
    area.run()
    assert area.differences() == []
