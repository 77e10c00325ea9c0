"""A row of a table that can't become one of MRR is kept with its reasons, and the others load."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.fix_areas import Dimension, Made, Make
from tests.fix_servers import Warehouse
from tidemark.batch import extract, pipeline
from tidemark.model import LAYERS, Overrides, Repair
from tidemark.postgres.db import Row

COLUMNS = {
    "id": "int",
    "part": "text",
    "mood": "public.mood",
    "size": "public.size",
    "doc": "jsonb",
    "updated_at": "timestamptz",
}
KEY = ("id", "part")
THINGS = Dimension(COLUMNS, KEY, settings={"deletes": "detect", "max_delete_ratio": 1})
WHOLE = Dimension(COLUMNS, KEY, settings={"extract": "full", "max_delete_ratio": 1})
KINDS = pytest.mark.parametrize("things", [THINGS, WHOLE], ids=["delta", "full"])
TYPES = """
    create type public.mood as enum ('fine');
    create domain public.size as int constraint is_small check (value < 10)
"""
JAN, FEB = "2025-01-01Z", "2025-02-01Z"


def kept(warehouse: Warehouse) -> list[Row]:
    """What MRR keeps: key, reasons, batch."""
    return warehouse.rows(
        "mrr",
        """
        select row_text::jsonb ->> 'id', row_text::jsonb ->> 'part', reasons, batch_id
        from tidemark.refused where item = '' and line is null
        order by batch_id, 1, 2
        """,
    )


def mirrored(area: Made) -> list[Row]:
    return area.warehouse.rows(
        "mrr", "select id, size from mrr_things where _deleted_at is null order by id"
    )


def widened(area: Made) -> None:
    """Let the source take what MRR has no place for."""
    area.warehouse.execute(
        "operational",
        "alter domain size drop constraint is_small; alter type mood add value 'Jane'",
    )


def without_keys(area: Made) -> None:
    area.warehouse.execute(
        "operational",
        """
        alter table things drop constraint things_pkey;
        alter table things alter column id drop not null, alter column part drop not null;
        create unique index on things (id, part)
        """,
    )


@KINDS
def test_the_others_load(made: Make, things: Dimension):
    area = made(things, first=TYPES)
    widened(area)
    without_keys(area)
    area.put(things, (1, "p", "fine", 1, "{}", JAN), (2, "p", "Jane", 99, "{}", JAN))
    area.put(things, (None, "p", "fine", 3, "{}", JAN), (None, None, "fine", 3, "{}", JAN))

    area.run()

    assert mirrored(area) == [(1, 1)]
    assert [row[:3] for row in kept(area.warehouse)] == [
        ("2", "p", ["mood: not a valid public.mood", "size: public.size forbids it"]),
        (None, "p", ["key is null: id"]),
        (None, None, ["key is null: id, part"]),
    ]
    assert [row[0] for row in area.warehouse.rows("stg", "select id from stg_things")] == [1]


@pytest.mark.further(one_in=2)
@KINDS
def test_a_row_that_mrr_has_keeps_its_version_and_is_not_deleted(made: Make, things: Dimension):
    area = made(things, first=TYPES)
    widened(area)
    area.put(things, *((n, "p", "fine", 1, "{}", JAN) for n in (1, 2, 3)))
    area.run()
    area.change(things, "size = 99, updated_at = now()", where="id = 2")
    area.delete(things, "id = 3", [])

    area.run()

    assert mirrored(area) == [(1, 1), (2, 1)]
    assert [row[0] for row in kept(area.warehouse)] == ["2"]


def test_a_key_that_mrr_has_no_place_for_is_no_key_of_it(made: Make):
    codes = Dimension(
        {"id": "public.size", "size": "int", "updated_at": "timestamptz"},
        ("id",),
        settings={"deletes": "detect", "max_delete_ratio": 1, "compare_keys_every": "0s"},
    )
    area = made(codes, first=TYPES)
    widened(area)
    area.put(codes, (1, 1, JAN), (2, 2, JAN), (99, 3, JAN))
    area.run()
    area.delete(codes, "id = 2", [])

    area.run()

    assert mirrored(area) == [(1, 1)]
    assert [row[0] for row in kept(area.warehouse)] == ["99"]


def test_a_run_that_died_leaves_nothing_that_the_next_one_keeps(
    made: Make, monkeypatch: pytest.MonkeyPatch
):
    area = made(THINGS, first=TYPES)
    widened(area)
    area.put(THINGS, (1, "p", "fine", 1, "{}", JAN), (2, "p", "fine", 99, "{}", JAN))
    with monkeypatch.context() as patch:
        patch.setattr(extract, "_record", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            area.run()
    assert kept(area.warehouse) == []
    area.change(THINGS, "size = 2", where="id = 2")

    area.run()

    assert (mirrored(area), kept(area.warehouse)) == ([(1, 1), (2, 2)], [])


def test_what_is_counted_adds_up(made: Make):
    area = made(THINGS, first=TYPES)
    widened(area)
    area.put(THINGS, *((n, "p", "fine", 99 if n % 3 == 0 else 1, "{}", JAN) for n in range(10)))
    counts = area.run().hops[0].entities["things"]
    assert (counts.processed, counts.inserted, counts.rejected) == (10, 6, 4)


def test_repairing_a_row_that_is_refused_does_not_delete_it(made: Make):
    area = made(THINGS, first=TYPES)
    widened(area)
    area.put(THINGS, (1, "p", "fine", 1, "{}", JAN), (2, "p", "fine", 2, "{}", JAN))
    area.run()
    area.change(THINGS, "size = 99", where="id = 2")  # without a stamp: no window sees it
    area.warehouse.execute("mrr", "update mrr_things set size = 8 where id = 1")

    now = datetime.now(UTC)
    resent = {"things": [("1", "p"), ("2", "p")]}
    repair = Repair(now, resent, surplus={layer: {} for layer in LAYERS}, rejects={})
    pipeline.run(area.servers, area.area, overrides=Overrides(repair=repair))

    assert mirrored(area) == [(1, 1), (2, 2)]
