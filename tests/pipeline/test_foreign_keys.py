"""Foreign keys that the star declares are kept by every batch, and never stand in its way."""

from __future__ import annotations

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.errors import ContractError
from tidemark.model import Overrides
from tidemark.trust import rebuild, verify

pytestmark = pytest.mark.usefixtures("no_rows_are_few")
JAN, FEB, MAR, APR = "2025-01-01Z", "2025-02-01Z", "2025-03-01Z", "2025-04-01Z"
SETTINGS = {"deletes": "detect", "max_delete_ratio": 0.9}
THINGS = Dimension(
    {"k": "int", "a": "text", "noted_at": "timestamptz", "updated_at": "timestamptz"},
    ("k",),
    effective="noted_at",
    settings=SETTINGS,
)
EVENTS = Fact(
    {"id": "int", "k": "int", "day": "date", "at": "timestamptz"},
    ("id",),
    "at",
    {"thing_key": "things"},
    dates={"day_key": "day"},
    settings=SETTINGS,
)
KEYS = """
alter table fact_events add constraint known_thing
foreign key (thing_key) references dim_things {};
alter table fact_events add constraint known_day
foreign key (day_key) references dwh_dim_date (date_key) {}
"""
POINTS = """
    select e.id, d.k, d.a from fact_events as e
    inner join dim_things as d using (thing_key) order by e.id
"""


def declare(area: Made, how: str = "deferrable") -> None:
    area.warehouse.execute("dwh", KEYS.format(how, how))


def keyed(area: Made) -> list[tuple[object, ...]]:
    """Return what facts point at, where the constraints are there and hold."""
    query = """
        select count(*) from pg_constraint
        where contype = 'f' and condeferrable and conparentid = 0
    """
    assert area.warehouse.rows("dwh", query) == [(2,)]
    area.warehouse.execute("dwh", "alter table fact_events validate constraint known_thing")
    return area.warehouse.rows("dwh", POINTS)


@pytest.fixture
def area(made: Make) -> Made:
    area = made(THINGS, EVENTS)
    declare(area)
    return area


def test_a_first_load_a_new_month_and_inferred_members_keep_them(area: Made):
    area.put(THINGS, (1, "old", JAN, JAN))
    area.put(EVENTS, *((n, k, "2025-02-01", FEB) for n, k in ((1, 1), (2, 7), (3, None))))
    area.run()
    assert keyed(area) == [(1, 1, "old"), (2, 7, None), (3, None, None)]
    area.put(EVENTS, (4, 8, "2026-03-01", MAR))
    area.put(THINGS, (7, "new", MAR, "now"))
    area.run()
    assert keyed(area) == [(1, 1, "old"), (2, 7, "new"), (3, None, None), (4, 8, None)]
    assert area.differences() == []


def test_a_fact_that_is_not_partitioned_keeps_them_in_its_first_load(made: Make):
    area = made(THINGS, EVENTS)
    area.warehouse.execute(
        "dwh",
        "set role tidemark_etl; create table plain (like fact_events including all); "
        "drop table fact_events; "
        "alter table plain rename to fact_events; reset role",
    )
    declare(area)
    area.put(THINGS, (1, "old", JAN, JAN))
    area.put(EVENTS, (1, 1, "2025-02-01", FEB), (2, 7, "2025-02-01", FEB))
    area.run()
    assert keyed(area) == [(1, 1, "old"), (2, 7, None)]
    assert area.differences() == []


def test_a_correction_supersedes_a_version_that_facts_point_at(area: Made):
    area.put(THINGS, (1, "old", JAN, JAN))
    area.put(EVENTS, (1, 1, "2025-02-01", MAR))
    area.run()
    area.change(THINGS, "a = 'new', noted_at = %s, updated_at = now()", [FEB])
    area.run()
    assert keyed(area) == [(1, 1, "new")]
    area.change(THINGS, "a = 'old', updated_at = now()")

    assert area.run().hops[2].entities["things"].deleted == 1

    assert keyed(area) == [(1, 1, "old")]
    assert area.differences() == []


def test_a_deleted_member_returns(area: Made):
    area.put(THINGS, (1, "old", JAN, JAN), (2, "other", JAN, JAN))
    area.put(EVENTS, (1, 1, "2025-02-01", FEB))
    area.run()
    area.delete(THINGS, "k = 1", [])
    area.run()
    area.put(THINGS, (1, "new", JAN, "now"))
    area.put(EVENTS, (2, 1, "2025-02-01", "now"))
    area.run()
    assert [row[:2] for row in keyed(area)] == [(1, 1), (2, 1)]
    assert area.differences() == []


def test_a_repair_discards_facts_and_closes_members(area: Made):
    area.put(THINGS, (1, "old", JAN, JAN), (2, "gone", JAN, JAN))
    area.put(EVENTS, (1, 1, "2025-02-01", FEB), (2, 2, "2025-02-01", FEB))
    area.run()
    area.warehouse.execute("mrr", "delete from mrr_things where k = 2")
    area.warehouse.execute("mrr", "delete from mrr_events where id = 2")
    area.warehouse.execute("stg", "delete from stg_things where k = 2")
    area.warehouse.execute("stg", "delete from stg_events where id = 2")
    area.delete(THINGS, "k = 2", [])
    area.delete(EVENTS, "id = 2", [])

    repair = verify.run(area.servers, area.area).repair()
    pipeline.run(area.servers, area.area, overrides=Overrides(repair=repair))

    assert keyed(area) == [(1, 1, "old")]


def test_a_rebuild_makes_and_removes_versions(area: Made):
    area.put(THINGS, (1, "old", JAN, JAN), (2, "other", JAN, JAN))
    area.put(EVENTS, (1, 1, "2025-02-01", FEB), (2, 2, "2025-06-01", APR))
    area.run()
    area.change(THINGS, "a = 'new', noted_at = %s, updated_at = now()", [MAR], where="k = 2")
    area.run()
    area.warehouse.execute(
        "dwh",
        "update fact_events set thing_key = 0 where id = 2; "
        "delete from fact_events where id = 1; delete from dim_things where k = 1",
    )

    rebuild.run(area.servers, area.area)

    assert keyed(area) == [(1, 1, "old"), (2, 2, "new")]
    assert area.differences() == []


REFUSED = [
    (
        "",
        "'known_day' of public.fact_events is not deferrable: it is checked before a batch has "
        'moved all that it moves. Put `alter table "fact_events" alter constraint "known_day" '
        "deferrable;` into",
    ),
    (
        "on delete cascade",
        "'known_day' of public.fact_events does more than check when a version is deleted, before "
        'its facts have moved. Put `alter table "fact_events" drop constraint "known_day"; alter '
        'table "fact_events" add constraint "known_day" FOREIGN KEY (day_key) REFERENCES '
        "dwh_dim_date(date_key) deferrable;` into",
    ),
    ("on update cascade on delete set null deferrable initially deferred", "does more than check"),
    ("on delete restrict deferrable", "does more than check"),
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("how", "said"), REFUSED)
def test_one_that_can_not_wait_is_refused_with_the_statement_that_mends_it(
    made: Make, how: str, said: str
):
    area = made(THINGS, EVENTS)
    declare(area, how)
    area.put(THINGS, (1, "old", JAN, JAN))
    found = []
    for _ in range(2):
        with pytest.raises(ContractError) as raised:
            area.run()
        found.append(str(raised.value))
        area.warehouse.execute("dwh", found[-1].split("`")[1])
    assert said in found[0]
    area.put(EVENTS, (1, 1, "2025-02-01", FEB))
    area.run()
    assert keyed(area) == [(1, 1, "old")]


def test_a_table_beside_the_star_may_refer_to_a_dimension(made: Make):
    area = made(THINGS, EVENTS)
    area.warehouse.execute(
        "dwh", "create table notes (thing_key bigint constraint noted references dim_things)"
    )
    area.put(THINGS, (1, "old", JAN, JAN))
    with pytest.raises(ContractError, match="the foreign key 'noted' of public"):
        area.run()
