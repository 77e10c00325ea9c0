"""What MRR refuses is a reject in STG, for as long as MRR refuses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Dimension, Made, Make
from tests.fix_files import Drop
from tests.further import tries
from tidemark.batch import extract, pipeline, retention
from tidemark.declare.settings import Retention
from tidemark.layers import rejects
from tidemark.model import Overrides
from tidemark.observe import monitor, status
from tidemark.postgres.db import Row
from tidemark.sources.postgres import PostgresSource
from tidemark.trust import rebuild, verify

COLUMNS = {"id": "int", "size": "public.size", "updated_at": "timestamptz"}
THINGS = Dimension(COLUMNS, ("id",), settings={"deletes": "detect", "max_delete_ratio": 1})
SEEN_ONCE = Dimension(COLUMNS, ("id",))
WHOLE = Dimension(COLUMNS, ("id",), settings={"extract": "full", "max_delete_ratio": 1})
SMALL = "create domain public.size as int constraint is_small check (value < 10)"
WIDENED = """
    alter domain size drop constraint is_small;
    alter table things drop constraint things_pkey;
    alter table things alter column id drop not null;
    create unique index on things (id)
"""
JAN = "2025-01-01Z"
TOO_LARGE = ["size: public.size forbids it"]


def rejected(area: Made) -> list[Row]:
    """The rejects of rows that MRR has refused: key, reasons, batch, whether it is over."""
    return area.warehouse.rows(
        "stg",
        """
        select key, reasons, batch_id, resolved_at is not null from stg_rejects
        where item is not null order by reject_id
        """,
    )


def grown(make: Make, things: Dimension) -> Made:
    """Make an area whose source takes what MRR has no place for."""
    area = make(things, first=SMALL)
    area.warehouse.execute("operational", WIDENED)
    return area


@pytest.mark.parametrize("things", [THINGS, WHOLE], ids=["delta", "full"])
def test_a_row_is_a_reject_until_it_comes_again_and_passes(made: Make, things: Dimension):
    area = grown(made, things)
    area.put(things, (1, 1, JAN), (2, 99, JAN))
    area.run()
    assert rejected(area) == [({"id": "2"}, TOO_LARGE, 1, False)]
    assert area.differences() == []

    area.change(things, "size = 98, updated_at = now()", where="id = 2")
    area.run()
    assert rejected(area) == [({"id": "2"}, TOO_LARGE, 2, False)]
    assert area.differences() == []

    area.change(things, "size = 2, updated_at = now()", where="id = 2")
    area.run()
    assert [row[3] for row in rejected(area)] == [True]
    assert area.differences() == []


def test_a_row_without_a_key_is_a_reject_until_the_table_is_read_again(made: Make):
    area = grown(made, THINGS)
    area.put(THINGS, (1, 1, JAN), (None, 2, JAN))
    area.run()
    ((key, reasons, batch, _),) = rejected(area)
    assert (list(key), reasons, batch) == (["_row"], ["key is null: id"], 1)
    assert area.differences() == []
    area.change(THINGS, "id = 2", where="id is null")
    area.run()
    assert [row[3] for row in rejected(area)] == [False]

    refresh = Overrides(refresh=frozenset(["things"]))
    pipeline.run(area.servers, area.area, overrides=refresh)

    assert [row[3] for row in rejected(area)] == [True]
    assert area.differences() == []


def test_layers_that_were_down_catch_up(made: Make):
    area = grown(made, SEEN_ONCE)
    area.put(SEEN_ONCE, (1, 99, JAN), (2, 99, JAN), (3, 99, JAN))
    for size, where in ((1, "id in (1, 3)"), (98, "id = 1"), (1, "false")):
        batch = pipeline.begin(area.servers, area.area)
        extract.run(area.servers, area.area, batch, PostgresSource(area.servers))
        area.change(SEEN_ONCE, f"size = {size}, updated_at = clock_timestamp()", where=where)

    area.run()

    found = {key["id"]: (batch, is_over) for key, _, batch, is_over in rejected(area)}
    assert found == {"1": (3, False), "2": (1, False), "3": (1, True)}
    assert area.differences() == []


def test_a_line_of_a_file_is_a_reject_until_the_file_is_taken_again(dropped: Drop):
    area = dropped({"things/1.csv": "id,v\n1,one\n2\n3,three\n4\n", "things/2.csv": "id,v\n5\n"})
    area.run()
    found = rejected(area)
    lines = [("things/1.csv", 3), ("things/1.csv", 5), ("things/2.csv", 2)]
    assert [(key["_file"], key["_line"]) for key, *_ in found] == lines
    assert [row[2:] for row in found] == [(1, False)] * 3
    assert area.differences() == []
    area.drop("things/1.csv", "id,v\n1,one\n2,two\n3,three\n4\n")

    area.run()

    assert [row[2:] for row in rejected(area)] == [(1, True), (2, False), (1, False)]
    assert area.differences() == []
    with area.servers.session("stg", "test") as stg:
        shown, *_ = rejects.listing(stg, area.area, entity=None, resolved=True, limit=9)
    assert (shown.item, shown.place, shown.row) == ("things/1.csv", "things/1.csv, line 5", "4")


def test_what_stg_shows_is_told_if_it_is_not_what_mrr_says(made: Make):
    area = grown(made, THINGS)
    area.put(THINGS, (1, 1, JAN), (2, 99, JAN), (3, 99, JAN))
    area.run()
    area.warehouse.execute("stg", "delete from stg_rejects where key ->> 'id' = '2'")
    found = verify.run(area.servers, area.area)
    (stage_check,) = [check for check in found.checks if check.hop == "stage"]
    assert (stage_check.compared.sent, stage_check.compared.kept) == (3, 2)
    assert list(found.lines()) == ['things , {"id": "2"} differs in stg + rejects: refused by mrr']

    rebuild.run(area.servers, area.area)

    assert [row[0] for row in rejected(area)] == [{"id": "2"}, {"id": "3"}]
    assert area.differences() == []


def test_status_monitor_and_the_batch_count_them(made: Make):
    area = grown(made, THINGS)
    area.put(THINGS, *((n, 99 if n < 40 else 1, JAN) for n in range(100)))
    batch = area.run()
    [check] = batch.hops[1].checks
    assert (check.status, check.message[:36]) == ("WARNED", "things: 40 of 100 rows were rejected")
    shown = status.read(area.servers, area.area)
    assert [(r.reason, r.rows) for r in shown.rejects] == [(TOO_LARGE[0], 40)]
    (said,) = monitor.look(area.servers, area.area).problems
    assert said.startswith("Batch 1: things: 40 of 100 rows were rejected")


def test_retention_deletes_what_is_over(made: Make):
    area = grown(made, SEEN_ONCE)
    area.put(SEEN_ONCE, (1, 99, JAN), (2, 99, JAN))
    area.run()
    area.change(SEEN_ONCE, "size = 1, updated_at = now()", where="id = 1")
    area.run()
    kept = area.area.model_copy(update={"retention": Retention(rejects=timedelta(seconds=0))})
    assert retention.apply(area.servers, kept, 2).rejects == 2
    assert [row[0] for row in rejected(area)] == [{"id": "2"}]
    assert area.warehouse.rows("mrr", "select row_key from tidemark.refused") == [({"id": "2"},)]


SIZES = st.dictionaries(st.integers(1, 5), st.sampled_from([1, 2, 9, 10, 99, None]), min_size=1)


@settings(
    max_examples=tries(8, usually=4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(SIZES, min_size=3, max_size=3))
def test_what_was_extracted_is_mirrored_or_refused(law: Made, steps: list[dict[int, int | None]]):
    """Each example goes on where the one before has ended."""
    for sizes in steps:
        for number, size in sizes.items():
            law.warehouse.execute(
                "operational",
                "insert into things values (%s, %s, now()) on conflict (id) do update "
                "set size = excluded.size, updated_at = clock_timestamp()",
                [number, size],
            )
        law.run()
        bad = law.warehouse.rows(
            "operational", "select id::text from things where size > 9 order by 1"
        )
        open_now = [row[0]["id"] for row in rejected(law) if not row[3]]
        assert sorted(open_now) == [one for (one,) in bad]
    assert law.differences() == []


@pytest.fixture
def law(made: Make) -> Made:
    return grown(made, THINGS)
