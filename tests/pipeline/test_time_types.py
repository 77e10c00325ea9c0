"""Watermarks, effective times and event times that are no instants: they lose nothing either."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_faults import comparable
from tests.queries import execute
from tidemark.observe import plan

BERLIN = "Europe/Berlin"
JAN = "2025-01-01Z"
KINDS = [
    "timestamp(0) with time zone",
    "timestamp without time zone",
    "timestamp(0) without time zone",
    "date",
]


def things(kind: str, zone: str = BERLIN, **settings: Any) -> Dimension:
    if "without" in kind or kind in ("timestamp", "date"):
        settings["watermark_zone"] = zone
    columns = {"id": "integer", "v": "text", "updated_at": kind}
    return Dimension(columns, ("id",), settings=settings)


def several(**settings: Any) -> list[Dimension]:
    """Return a dimension for each type of watermark."""
    return [
        replace(
            things(kind, **settings), entity=f"t{n}", source=("public", f"t{n}"), mrr=f"mrr_t{n}",
            stg=f"stg_t{n}", table=f"dim_t{n}",
        )
        for n, kind in enumerate(KINDS)
    ]  # fmt: skip


def stamp(entity: Dimension) -> str:
    """Return what the application stamps now: an instant, or what the clock on its wall shows."""
    zone = entity.settings.get("watermark_zone")
    return f"now() at time zone '{zone}'" if zone else "now()"


def run_at(area: Made, clock: str) -> None:
    """Run a batch when the source's clock shows this."""
    with comparable(datetime.fromisoformat(clock)):
        area.run()


def versions(area: Made) -> list[tuple[Any, ...]]:
    query = "select id, v, changed_at from dim_things where thing_key <> 0 order by id, valid_from"
    return area.warehouse.rows("dwh", query)


def test_a_late_commit_comes_with_the_next_batch(made: Make):
    entities = several()
    area = made(*entities)
    with closing(area.warehouse.connect("operational")) as late:
        late.autocommit = False
        for one in entities:
            execute(late, f"insert into {one.entity} values (1, 'late', {stamp(one)})")
            then = f"insert into {one.entity} values (2, 'b', {stamp(one)})"
            area.warehouse.execute("operational", then)
        area.run()
        late.commit()
    area.run()
    run_at(area, f"{datetime.now(UTC) + timedelta(seconds=1)}")  # a type of seconds rounds up
    for one in entities:
        assert area.published(one) == [("1", "late"), ("2", "b")]
    assert area.differences() == []


def test_an_hour_that_comes_twice_is_read_again(made: Make):
    entity = things("timestamp")
    area = made(entity)
    area.put(entity, (1, "summer", "2025-10-26 02:35"))
    run_at(area, "2025-10-26T00:40Z")
    assert [row[:2] for row in versions(area)] == [(1, "summer")]
    area.change(entity, "v = 'winter', updated_at = '2025-10-26 02:15'")
    area.put(entity, (2, "new", "2025-10-26 02:20"))
    run_at(area, "2025-10-26T01:25Z")
    summer, winter = (datetime(2025, 10, 26, h, m, tzinfo=UTC) for h, m in ((0, 40), (1, 15)))
    assert versions(area) == [
        (1, "summer", summer),
        (1, "winter", winter),
        (2, "new", winter + timedelta(minutes=5)),
    ]
    assert area.differences() == []


@pytest.mark.further
def test_an_hour_that_never_comes_harms_nothing(made: Make):
    entity = things("timestamp")
    area = made(entity)
    area.put(entity, (1, "a", "2025-03-30 01:30"), (2, "never", "2025-03-30 02:30"))
    run_at(area, "2025-03-30T00:59Z")
    area.put(entity, (3, "never", "2025-03-30 02:45"))
    run_at(area, "2025-03-30T01:00Z")
    area.put(entity, (4, "b", "2025-03-30 03:00"))
    run_at(area, "2025-03-30T01:01Z")
    run_at(area, "2025-03-30T01:02Z")
    assert [row[0] for row in versions(area)] == [1, 2, 3, 4]
    assert area.differences() == []


def test_a_day_is_read_again_until_it_is_over(made: Make):
    entity = things("date")
    area = made(entity)
    area.put(entity, (1, "morning", "2025-06-02"), (2, "tomorrow", "2025-06-03"))
    run_at(area, "2025-06-01T22:30Z")
    area.change(entity, "v = 'evening'", where="id = 1")
    run_at(area, "2025-06-02T20:00Z")
    midnight = datetime(2025, 6, 1, 22, tzinfo=UTC)
    assert versions(area) == [(1, "evening", midnight)]
    run_at(area, "2025-06-02T22:30Z")
    assert versions(area)[1:] == [(2, "tomorrow", midnight + timedelta(days=1))]
    area.put(entity, (3, "late", "2025-06-02"))
    run_at(area, "2025-06-03T22:30Z")
    assert [row[0] for row in versions(area)] == [1, 2]


def test_a_row_from_before_the_window_is_found_by_its_key(made: Make):
    entities = several(deletes="detect", compare_keys_every="0s", max_delete_ratio=1)
    area = made(*entities)
    for one in entities:
        area.put(one, (1, "a", "2025-01-01"), (2, "b", "2025-01-02"))
    area.run()
    for one in entities:
        area.change(one, "id = 9", where="id = 2")
        area.change(one, "v = 'restored', updated_at = '2024-05-05'", where="id = 1")
    planned = plan.make(area.servers, area.area).entities
    area.run()
    assert [(one.rows, one.deleted) for one in planned] == [(2, 1)] * len(entities)
    for one in entities:
        query = f"select id, v from {one.mrr} where _deleted_at is null order by id"
        assert area.warehouse.rows("mrr", query) == [(1, "restored"), (9, "b")]
    assert area.differences() == []


AT = "timestamp without time zone"


def test_times_without_a_zone_find_the_version_of_their_instant(made: Make):
    """The version of 23:00Z comes between the two instants that the fact's time could mean."""
    members = Dimension(
        {"id": "integer", "v": "text", "at": AT, "updated_at": "timestamptz"},
        ("id",),
        effective="at at America/New_York",
        settings={"deletes": "detect"},
    )
    events = Fact(
        {"no": "integer", "id": "integer", "at": AT},
        ("no",),
        f"at at {BERLIN}",
        {"thing_key": "things"},
    )
    area = made(members, events)
    area.put(members, (1, "old", "2025-01-01", JAN))
    area.put(events, (1, 1, "2025-06-01 00:30"), (2, 1, "2025-06-01 01:30"))
    area.run()
    area.change(members, "v = 'new', at = '2025-05-31 19:00', updated_at = now()")
    area.run()
    query = "select no, v from fact_events join dim_things using (thing_key) order by no"
    assert area.warehouse.rows("dwh", query) == [(1, "old"), (2, "new")]
    assert [row[2].hour for row in versions(area)] == [5, 23]
    assert area.differences() == []


def test_dates_of_a_zone_date_versions_and_events(made: Make):
    members = Dimension(
        {"id": "integer", "v": "text", "on": "date", "updated_at": "timestamptz"},
        ("id",),
        effective=f"on at {BERLIN}",
    )
    events = Fact(
        {"no": "integer", "id": "integer", "on": "date"},
        ("no",),
        f"on at {BERLIN}",
        {"thing_key": "things"},
        {"day_key": "on"},
    )
    area = made(members, events)
    area.put(members, (1, "old", "2025-01-01", JAN))
    area.put(events, (1, 1, "2025-06-01"), (2, 1, "2025-06-02"))
    area.run()
    area.change(members, """v = 'new', "on" = '2025-06-02', updated_at = now()""")
    area.run()
    query = "select no, v, day_key from fact_events join dim_things using (thing_key) order by no"
    assert area.warehouse.rows("dwh", query) == [(1, "old", 20250601), (2, "new", 20250602)]
    assert area.differences() == []


@pytest.mark.further
def test_a_day_of_a_zone_is_that_of_the_instant_there(made: Make):
    events = Fact(
        {"no": "integer", "at": "timestamptz"},
        ("no",),
        "at",
        {},
        {"berlin": f"at at {BERLIN}", "apia": "at at Pacific/Apia", "utc": "at"},
    )
    area = made(events)
    area.put(events, (1, "2024-12-31 23:30Z"), (2, "2025-01-01 11:30Z"))
    area.run()
    query = "select no, berlin, apia, utc from fact_events order by no"
    assert area.warehouse.rows("dwh", query) == [
        (1, 20250101, 20250101, 20241231),
        (2, 20250101, 20250102, 20250101),
    ]
    years = "select distinct year from dwh_dim_date where date_key > 0 order by 1"
    assert area.warehouse.rows("dwh", years) == [(2024,), (2025,)]
    assert area.differences() == []
