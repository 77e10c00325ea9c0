"""A fault of every kind of check is caught on every layer, and a corrected source clears it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.declare.config import Area
from tidemark.errors import GateError
from tidemark.model import CheckResult, Overrides

NOW = "2025-06-01 00:00+00"
THINGS = Dimension(
    {
        "id": "integer",
        "name": "text",
        "size": "integer",
        "seen": "date",
        "updated_at": "timestamptz",
    },
    key=("id",),
)
EVENTS = Fact(
    {"event_id": "integer", "id": "integer", "happened_at": "timestamptz"},
    key=("event_id",),
    event_time="happened_at",
    dimensions={"thing_key": {"entity": "things", "by": ["id"]}},
)
TABLES = {"mrr": "mrr_things", "stg": "stg_things", "dwh": "dim_things"}
LIVE = {"mrr": "_deleted_at is null", "stg": "_deleted_at is null", "dwh": "thing_key <> 0"}

FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "not_null": ({"not_null": "name"}, "name = null", "name = 'a'"),
    "unique": ({"unique": "name"}, "name = 'b'", "name = 'a'"),
    "accepted_values": (
        {"accepted_values": {"column": "name", "values": ["a", "b", "c"]}},
        "name = 'z'",
        "name = 'a'",
    ),
    "between": ({"between": {"column": "size", "min": 1, "max": 9}}, "size = 10", "size = 1"),
    "matches": ({"matches": {"column": "name", "pattern": "^[a-z]$"}}, "name = 'A'", "name = 'a'"),
    "row_count": (
        {"row_count": {"min": 2}, "where": "name in ('a', 'b')"},
        "name = 'c'",
        "name = 'a'",
    ),
    "freshness": (
        {"freshness": {"column": "seen", "within": "2d"}, "where": "id = 1"},
        "seen = current_date - 9",
        "seen = current_date",
    ),
    "reconcile": (
        {"reconcile": {"left": "select sum(size) from {rows}", "right": "select 3"}},
        "size = 2",
        "size = 1",
    ),
    "sql": ({"sql": "select id from {rows} and size > 9"}, "size = 10", "size = 1"),
}
"""Kind -> a check, a fault that breaks it, and its correction."""


WHOLE = {"row_count", "reconcile", "unique"}
"""Kinds that can't say which of two rows, or of all, is wrong."""
ALL = ["b 2 now", "b 2 2025-01-01", "b 2 2025-01-02"]
LAST = ["b 2 now", "b 2 2025-01-02"]
DATED = ["a 1 now", "a 1 9 days ago", "a 1 now"]
"""Rows that are old are not wrong."""


def checking(area: Area, check: Mapping[str, Any], **more: Any) -> Area:
    """Return the area with one check of things."""
    dumped = {**check, **more, "name": "the check"}
    rows = f"{TABLES[more['on']]} where {LIVE[more['on']]}"
    if "sql" in dumped:
        dumped["sql"] = dumped["sql"].format(rows=rows)
    if "reconcile" in dumped:
        left = dumped["reconcile"]["left"].format(rows=rows)
        if more["on"] == "dwh":
            left += " and is_current"
        dumped["reconcile"] = {**dumped["reconcile"], "left": left}
    if "sql" in dumped and more["on"] == "dwh":
        dumped["sql"] += " and is_current"
    return with_checks(area, {"things": [dumped]})


def with_checks(area: Area, checks: Mapping[str, Sequence[Mapping[str, Any]]]) -> Area:
    """Return the area with other checks of its entities."""
    entities = {
        name: type(entity).model_validate(
            {**entity.model_dump(by_alias=True, exclude_unset=True), "checks": checks.get(name, [])}
        )
        for name, entity in area.entities.items()
    }
    for name, entity in entities.items():
        entity._schema, entity._landing_schema = area.schema_name, area.entities[name].landing[0]
    return area.model_copy(update={"entities": entities})


@pytest.fixture
def things(made: Make) -> Made:
    """Two things and an event, published once."""
    shop = made(THINGS, EVENTS)
    shop.put(THINGS, (1, "a", 1, "today", NOW), (2, "b", 2, "today", NOW))
    shop.put(EVENTS, (7, 1, NOW))
    shop.run()
    return shop


def change(shop: Made, to: str, key: int = 1) -> None:
    shop.change(THINGS, f"{to}, updated_at = clock_timestamp()", where=f"id = {key}")


def star(shop: Made) -> list[tuple[Any, ...]]:
    """All versions, without the keys and times that differ from run to run."""
    return shop.warehouse.rows(
        "dwh",
        "select id, name, size, seen, is_current, is_deleted, is_inferred from dim_things "
        "order by id, valid_from",
    )


def history(shop: Made, key: int) -> list[str]:
    """The versions of one thing, in order."""
    seen = "case current_date - seen when 0 then 'now' when 9 then '9 days ago' else seen::text end"
    query = (
        f"select concat_ws(' ', name, size, {seen}) from dim_things where id = %s "
        "order by valid_from"
    )
    return [said for (said,) in shop.warehouse.rows("dwh", query, [key])]


def logged(shop: Made) -> list[tuple[Any, ...]]:
    return shop.warehouse.rows(
        "dwh",
        "select layer, severity, status from dq_check_logs where check_name = 'the check' "
        "order by log_id desc limit 1",
    )


def found(checks: Sequence[CheckResult]) -> list[tuple[str, str, str]]:
    return [(one.layer, one.severity, one.status) for one in checks if one.check == "the check"]


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_a_fault_is_held_back_until_it_is_corrected(things: Made, kind: str, layer: str):
    check, fault, correction = FAULTS[kind]
    things.area = checking(things.area, check, on=layer, severity="fail")
    things.run()
    before = star(things)
    change(things, fault)
    change(things, "seen = '2025-01-01'", key=2)
    for _ in range(2):  # In each batch until it is gone.
        with pytest.raises(GateError) as raised:
            things.run()
        assert found(raised.value.broken) == [(layer, "fail", "FAILED")]
        assert (star(things), logged(things)) == (before, [(layer, "fail", "FAILED")])
    change(things, correction)
    change(things, "seen = '2025-01-02'", key=2)
    things.run()
    assert logged(things) == [(layer, "fail", "PASSED")]
    assert history(things, 1) == (DATED if kind == "freshness" else ["a 1 now"])
    assert history(things, 2) == (LAST if kind in WHOLE else ALL)
    assert things.differences() == []


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_told_in_each_batch_and_published_if_the_check_only_warns(
    things: Made, kind: str
):
    check, fault, correction = FAULTS[kind]
    plain = things.area
    for layer in ("mrr", "stg", "dwh"):
        things.area = checking(plain, check, on=layer, severity="warn")
        change(things, fault)
        for _ in range(2):
            told = [one for hop in things.run().hops for one in hop.checks]
            assert found(told) == [(layer, "warn", "WARNED")]
            assert logged(things) == [(layer, "warn", "WARNED")]
        change(things, correction)
        told = [one for hop in things.run().hops for one in hop.checks]
        assert found(told) == [(layer, "warn", "PASSED")]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("kind", ["not_null", "accepted_values", "between", "matches"])
def test_a_row_that_breaks_a_check_is_refused_with_its_reason(things: Made, kind: str):
    check, fault, correction = FAULTS[kind]
    things.area = checking(things.area, check, on="stg", severity="reject")
    before = star(things)
    change(things, fault)
    told = [one for hop in things.run().hops for one in hop.checks]
    reasons = "select reasons from stg_rejects where resolved_at is null"
    assert found(told) == [("stg", "reject", "WARNED")]
    assert things.warehouse.rows("stg", reasons) == [(["it breaks the check the check"],)]
    assert (star(things), logged(things)) == (before, [("stg", "reject", "WARNED")])
    change(things, correction)
    things.run()
    assert things.warehouse.rows("stg", reasons) == []
    assert (star(things), things.differences()) == (before, [])


def accepting(shop: Made, *names: str) -> None:
    pipeline.run(
        shop.servers, shop.area, overrides=Overrides(accept_checks=frozenset(names), by="Ada")
    )


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("layer", ["mrr", "stg", "dwh"])
def test_a_person_may_let_a_check_pass_once(things: Made, layer: str):
    things.area = checking(things.area, FAULTS["between"][0], on=layer, severity="fail")
    change(things, "size = 10")
    with pytest.raises(GateError):
        things.run()
    accepting(things, "the check")
    assert [row[2] for row in star(things) if row[0] == 1] == [1, 10]
    who = "select distinct status, accepted_by from dq_check_logs where accepted_by is not null"
    assert things.warehouse.rows("dwh", who) == [("FAILED", "Ada")]
    with pytest.raises(GateError):
        things.run()
    change(things, "size = 9")
    things.run()
    assert [row[2] for row in star(things) if row[0] == 1] == [1, 10, 9]
    assert things.differences() == []
