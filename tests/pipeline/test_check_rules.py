"""What checks look at, what counts as broken, and what is wrong with a check itself."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.commands import tidemark
from tests.fix_areas import Made, Make
from tests.fix_files import Drop, csv_text
from tests.pipeline.test_checks import EVENTS, NOW, THINGS, change, found, star, with_checks
from tidemark import tasks
from tidemark.batch import pipeline
from tidemark.declare import yamlfiles
from tidemark.declare.project import Project
from tidemark.errors import ContractError, GateError
from tidemark.model import Overrides
from tidemark.trust import check


@pytest.fixture
def things(made: Make) -> Made:
    shop = made(THINGS, EVENTS)
    shop.put(THINGS, *((n, "abc"[n - 1], n, "today", NOW) for n in (1, 2, 3)))
    shop.put(EVENTS, (7, 1, NOW))
    shop.run()
    return shop


def checked(shop: Made, entity: str = "things", **said: Any) -> Made:
    """Give an entity one check."""
    shop.area = with_checks(shop.area, {entity: [{"name": "the check", **said}]})
    return shop


def detecting(shop: Made) -> None:
    """Let things be deleted that the source has deleted."""
    things = shop.area.entities["things"]
    deleted = things.model_copy(update={"deletes": "detect", "max_delete_ratio": 1})
    others = {**shop.area.entities, "things": deleted}
    shop.area = shop.area.model_copy(update={"entities": others})


def told(shop: Made) -> list[tuple[str, str, str]]:
    return found([one for hop in shop.run().hops for one in hop.checks])


def refused(shop: Made) -> str:
    with pytest.raises(GateError) as raised:
        shop.run()
    return str(raised.value)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_a_new_check_judges_rows_that_were_there_before(things: Made, layer: str):
    checked(things, between={"column": "size", "max": 2}, on=layer)
    assert "things: 1 row with size above 2; at most 0" in refused(things)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_an_unchanged_check_that_holds_is_not_asked_by_an_idle_batch(things: Made, layer: str):
    checked(things, between={"column": "size", "max": 3}, on=layer)
    assert told(things) == [(layer, "fail", "PASSED")]
    assert told(things) == []


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("at_most", "status"), [(0, "WARNED"), (1, "PASSED"), ("33%", "WARNED"), ("34%", "PASSED")]
)
def test_some_rows_may_break_a_check(things: Made, at_most: object, status: str):
    check = {"column": "size", "max": 2}
    checked(things, between=check, on="stg", severity="warn", at_most=at_most)
    assert told(things) == [("stg", "warn", status)]


def test_bad_rows_add_up_over_batches(things: Made):
    checked(things, between={"column": "size", "max": 9}, on="stg", at_most=1)
    change(things, "size = 10", key=1)
    assert told(things) == [("stg", "fail", "PASSED")]
    change(things, "size = 10", key=2)
    assert "2 rows with size above 9; at most 1" in refused(things)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("layer", ["stg", "dwh"])
def test_what_rows_point_at_may_go(things: Made, layer: str):
    columns = "thing_key" if layer == "dwh" else "id"
    checked(things, "events", relationships={"columns": columns, "to": "things"}, on=layer)
    detecting(things)
    assert told(things) == [(layer, "fail", "PASSED")]
    things.delete(THINGS, "id = %s", [1])
    assert f"events: 1 row with {columns} that things has not" in refused(things)


def test_a_fact_without_its_dimension_breaks_a_relationship(things: Made):
    points = {"columns": "thing_key", "to": "things"}
    checked(things, "events", relationships=points, severity="warn")
    assert told(things) == [("dwh", "warn", "PASSED")]
    things.put(EVENTS, (8, 99, NOW))
    assert told(things) == [("dwh", "warn", "WARNED")]
    things.put(THINGS, (99, "z", 1, "today", NOW))
    change(things, "size = 1", key=99)
    assert told(things) == [("dwh", "warn", "PASSED")]


def test_a_count_is_compared_with_good_batches_alone(things: Made):
    within = {"within": "50% of median of 3 good batches"}
    checked(things, row_count=within, on="mrr", severity="fail")
    assert told(things) == [("mrr", "fail", "PASSED")]
    things.put(THINGS, *((n, "x", n, "today", NOW) for n in range(10, 20)))
    change(things, "size = 0", key=1)
    things.change(THINGS, "updated_at = clock_timestamp()", where="id >= 10")
    assert "things: 13 rows; within 50% of 3, the median of good batches" in refused(things)
    assert "within 50% of 3" in refused(things)
    things.warehouse.execute("operational", "delete from things where id >= 10")
    checked(things, row_count=within, on="mrr", severity="warn")
    assert told(things) == [("mrr", "warn", "WARNED")]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("severity", ["warn", "fail"])
def test_a_check_that_cannot_run_counts_as_broken(things: Made, severity: str):
    checked(things, sql="select nothing from things_of_nobody", on="stg", severity=severity)
    if severity == "warn":
        assert told(things) == [("stg", "warn", "ERROR")]
    else:
        assert "it can't run: stg: relation" in refused(things)
    beside = "select check_name from dq_check_logs where status = 'ERROR'"
    assert things.warehouse.rows("dwh", beside) == [("the check",)]


def test_a_check_that_cannot_run_spoils_no_other(things: Made):
    both = [
        {"name": "wrong", "not_null": "name", "where": "name::int > 0", "severity": "warn"},
        {"name": "the check", "not_null": "name", "on": "dwh"},
    ]
    things.area = with_checks(things.area, {"things": both})
    change(things, "size = 5")
    results = [one for hop in things.run().hops for one in hop.checks]
    assert {one.check: one.status for one in results if "versions" not in one.check} == {
        "wrong": "ERROR", "the check": "PASSED", "reject_ratio_of_things": "PASSED",
    }  # fmt: skip


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"not_null": "nam"},
            "dwh: the check 'the check' of sql/made/area.yml: public.dim_things has no ",
        ),
        ({"not_null": "nam", "on": "mrr"}, "mrr_things has no column 'nam'. Did you mean 'name'"),
        ({"unique": "name", "severity": "reject"}, "Make a derived entity (`from: [things]`)"),
        ({"not_null": "name", "severity": "reject", "on": "dwh"}, "not_null on dwh is none"),
        ({"sql": "select 1", "severity": "reject"}, "Make a derived entity"),
    ],
)
def test_a_check_that_cannot_look_is_refused_before_anything_moves(
    things: Made, said: dict[str, Any], message: str
):
    checked(things, **said)
    change(things, "size = 5")
    with pytest.raises(ContractError) as raised:
        things.run()
    assert message in str(raised.value)
    assert things.warehouse.rows("mrr", "select size from mrr_things where id = 1") == [(1,)]


def test_an_orchestrator_may_let_a_check_pass(things: Made, monkeypatch: pytest.MonkeyPatch):
    for name, value in things.environment.items():
        monkeypatch.setenv(name, value)
    path = things.home / "sql" / "made" / "area.yml"
    more = "checks: [{name: the check, sql: select 1}]\n"
    path.write_text(path.read_text("utf-8") + more, "utf-8")
    project = Project(things.home)
    change(things, "size = 5")
    batch = tasks.run_hop(project, "made", "extract")["batch_id"]
    tasks.run_hop(project, "made", "stage", batch_id=batch)
    with pytest.raises(GateError):
        tasks.run_hop(project, "made", "publish", batch_id=batch)
    names = ("the check", "of another area")
    done = tasks.run_hop(project, "made", "publish", batch_id=batch, accept_checks=names, by="Ada")
    assert done["checks"]["the check"] == "FAILED"
    logged = "select status, accepted_by from dq_check_logs where check_name = 'the check'"
    assert things.warehouse.rows("dwh", f"{logged} order by log_id") == [
        ("FAILED", None), ("FAILED", "Ada")
    ]  # fmt: skip


def test_a_look_by_itself_finds_what_is_published_and_writes_nothing(things: Made):
    checked(things, between={"column": "size", "max": 2}, on="dwh", severity="warn")
    before = things.warehouse.rows("dwh", "select count(*) from dq_check_logs")
    [result] = [one for one in check.run(things.servers, things.area) if one.check == "the check"]
    assert (result.status, list(result.sample)) == ("WARNED", [{"id": "3"}])
    assert things.warehouse.rows("dwh", "select count(*) from dq_check_logs") == before


def test_the_status_shows_what_is_broken_and_still_declared(things: Made):
    checked(things, between={"column": "size", "max": 2}, on="stg", severity="warn")
    things.run()
    assert tidemark("status", "--json", env=things.environment).json["checks"] == []
    path = things.home / "sql" / "made" / "area.yml"
    area = yamlfiles.parsed(path, "area.yml")
    check = {"between": {"column": "size", "max": 2}, "on": "stg", "severity": "warn"}
    area["entities"]["things"]["checks"] = [{**check, "name": "the check"}]
    path.write_text(yaml.safe_dump(area), "utf-8")
    told = tidemark("status", env=things.environment).out
    assert ("the check" in told, "1 row with size above 2" in " ".join(told.split())) == (
        True,
        True,
    )
    change(things, "size = 2", key=3)
    things.run()
    assert tidemark("status", "--json", env=things.environment).json["checks"] == []


SET = {"source": "things/{date:%Y-%m-%d}.csv", "key": ["id"], "deletes": "detect"}
KEYED = [
    {"name": "null", "not_null": "id", "on": "mrr"},
    {"name": "twice", "unique": "id", "on": "mrr"},
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("rows", "name"), [(((None, "x"), (2, "b")), "null"), (((2, "b"), (2, "c")), "twice")]
)
def test_what_a_file_showed_is_broken_until_it_or_a_later_set_comes(
    dropped: Drop, rows: tuple[Any, ...], name: str
):
    first = {"things/2025-01-01.csv": csv_text((1, "a"), (2, "b"))}
    area = dropped(first, entities={"things": {**SET, "checks": KEYED}})
    area.run()
    for number, mended in ((2, "2025-01-02"), (3, "2025-01-04")):
        area.drop(f"things/2025-01-0{number}.csv", csv_text((1, "a"), *rows))
        for _ in range(2):
            assert f"check '{name}' failed on mrr" in refused(area)
        area.drop(f"things/{mended}.csv", csv_text((1, "a"), (2, f"good {number}")))
        area.run()
    assert area.mrr() == [("1", "a"), ("2", "good 3")]
    assert area.verified().is_equal


def test_the_star_is_as_if_a_doubled_row_had_never_been(things: Made):
    checked(things, unique="name", on="dwh")
    before = star(things)
    change(things, "name = 'b'", key=1)
    refused(things)
    change(things, "name = 'a'", key=1)
    things.run()
    assert star(things) == before


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_an_emptied_source_that_is_filled_again_leaves_no_trace(things: Made, layer: str):
    checked(things, row_count={"min": 1}, on=layer)
    detecting(things)
    things.run()
    before = star(things)
    things.delete(THINGS, "true", [])
    pipeline.run_hop(
        things.servers, things.area, "extract", overrides=Overrides(accept_deletes=True)
    )
    assert "0 rows; at least 1" in refused(things)
    things.put(THINGS, *((n, "abc"[n - 1], n, "today", NOW) for n in (1, 2, 3)))
    things.change(THINGS, "updated_at = clock_timestamp()")
    things.run()
    assert (star(things), things.differences()) == (before, [])


def test_of_two_checks_the_older_look_says_what_may_be_lost(things: Made):
    points = {"relationships": {"columns": "id", "to": "things"}, "on": "stg"}
    some = {**points, "name": "some", "at_most": 9}
    none = {**points, "name": "none", "where": "event_id > 99"}
    things.area = with_checks(things.area, {"events": [some, none]})
    detecting(things)
    things.run()
    things.delete(THINGS, "id = %s", [1])
    things.run()
    things.put(EVENTS, (8, 2, NOW))
    results = [one for hop in things.run().hops for one in hop.checks]
    assert {one.check: one.value for one in results}["some"] == 1


def test_a_check_that_moves_to_another_layer_is_not_asked_by_idle_batches(things: Made):
    checked(things, between={"column": "size", "max": 9}, on="mrr")
    things.run()
    checked(things, between={"column": "size", "max": 9}, on="stg")
    assert told(things) == [("stg", "fail", "PASSED")]
    assert told(things) == []
    assert told(things) == []
