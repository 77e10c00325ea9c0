"""Keys and watermarks are compared in both directions: what no window brings arrives too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.errors import DeleteGuardError
from tidemark.layers import deletes
from tidemark.observe import plan
from tidemark.trust import verify

THINGS = Dimension(
    {"id": "integer", "v": "text", "updated_at": "timestamptz"},
    ("id",),
    settings={"deletes": "detect"},
)
EVENTS = Fact(
    {"id": "integer", "thing": "integer", "at": "timestamptz", "updated_at": "timestamptz"},
    ("id",),
    "at",
    {"thing_key": {"entity": "things", "by": ["thing"]}},
    settings={"extract": "delta", "watermark": "updated_at", "deletes": "detect"},
)
LONG_AGO = "2025-01-01"


def filled(made: Make, rows: int = 10, **settings: Any) -> Made:
    """Make things 1 to `rows` that were all written long ago, and load them."""
    entity = replace(THINGS, settings={**THINGS.settings, **settings})
    area = made(entity)
    area.put(entity, *((n, f"v{n}", LONG_AGO) for n in range(1, rows + 1)))
    area.run()
    return area


def things(area: Made) -> list[tuple[Any, ...]]:
    """Return the current rows of the star."""
    return area.warehouse.rows(
        "dwh", "select id, v from dim_things where is_current and thing_key <> 0 order by 1"
    )


def is_mirrored(area: Made) -> bool:
    """Whether MRR's live rows are those of the source, and all layers agree."""
    query = "select id, v, updated_at from {} where {} order by 1"
    live = area.warehouse.rows("mrr", query.format("mrr_things", "_deleted_at is null"))
    there = area.warehouse.rows("operational", query.format("things", "true"))
    return live == there and area.differences() == []


def write(area: Made, statement: str) -> None:
    area.warehouse.execute("operational", statement)


def test_a_key_that_was_changed_is_one_row(made: Make):
    area = made(THINGS, EVENTS)
    area.put(THINGS, *((n, "x", LONG_AGO) for n in range(1, 11)))
    area.put(EVENTS, *((n, n, LONG_AGO, LONG_AGO) for n in range(1, 11)))
    area.run()
    for table in ("things", "events"):
        write(area, f"update {table} set id = 100, updated_at = clock_timestamp() where id = 1")

    area.run()

    assert [key for key, _ in things(area)] == [*range(2, 11), 100]
    assert area.warehouse.rows("dwh", "select id from fact_events order by 1") == [
        (key,) for key in (*range(2, 11), 100)
    ]
    assert area.differences() == []


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("columns", "key", "change"),
    [
        ({"code": "text"}, ("code",), "code = upper(code)"),
        ({"code": "varchar(9)"}, ("code",), "code = code || ' '"),
        ({"a": "integer", "code": "text"}, ("a", "code"), "a = 7"),
        ({"code": "text", "at": "date"}, ("code", "at"), "at = at + 1"),
    ],
)
def test_keys_of_any_kind_may_change(
    made: Make, columns: dict[str, str], key: tuple[str, ...], change: str
):
    values = {"a": lambda n: n, "code": lambda n: f"k{n}", "at": lambda _: LONG_AGO}
    entity = Dimension(
        {**columns, "v": "text", "updated_at": "timestamptz"}, key, settings={"deletes": "detect"}
    )
    area = made(entity)
    area.put(entity, *((*(values[c](n) for c in columns), "v", LONG_AGO) for n in range(10)))
    area.run()
    area.change(entity, f"{change}, updated_at = clock_timestamp()", where="code = 'k1'")

    area.run()

    assert area.published(entity) == [row[:-1] for row in area.sent(entity)]
    assert area.differences() == []


def test_a_key_that_an_update_of_another_table_changed_is_one_row(made: Make):
    """The cascade moves no watermark: no window has it, and no counter of deletes moves."""
    area = made(THINGS, EVENTS, source="")
    area.put(THINGS, *((n, "x", LONG_AGO) for n in range(1, 11)))
    area.put(EVENTS, *((n, n, LONG_AGO, LONG_AGO) for n in range(1, 11)))
    write(area, "alter table events add foreign key (id) references things on update cascade")
    area.run()
    write(area, "update things set id = 100, updated_at = clock_timestamp() where id = 1")
    area.run()
    assert area.warehouse.rows("dwh", "select max(id) from fact_events") == [(10,)]

    due(area)
    area.run()

    assert area.warehouse.rows("dwh", "select min(id), max(id) from fact_events") == [(2, 100)]
    assert area.differences() == []


def due(area: Made) -> None:
    """Let a day pass since keys were compared."""
    area.warehouse.execute(
        "mrr",
        """
        update tidemark.source_position
        set position = position || jsonb_build_object(
            'compared_at', (position ->> 'compared_at')::timestamptz - interval '1 day'
        )
        """,
    )


RESTORED = "insert into things values (50, 'restored', '2024-05-05')"
BACKWARDS = "update things set v = 'back', updated_at = '2024-01-01' where id = 3"
RENUMBERED = "update things set id = 60 where id = 4"


# With the second one a key is gone: `verify` waits 11 s for the source to count a delete.
@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("change", [RESTORED, RENUMBERED, BACKWARDS])
def test_what_no_window_brings_comes_within_a_day(made: Make, change: str):
    area = filled(made)
    write(area, change)
    assert area.run().changed == 0
    assert not verify.run(area.servers, area.area).is_equal
    due(area)
    assert verify.run(area.servers, area.area).is_equal  # pending: the next batch mends it

    area.run()

    assert is_mirrored(area)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("change", [RESTORED, BACKWARDS, RENUMBERED])
def test_each_batch_may_compare_keys(made: Make, change: str):
    area = filled(made, compare_keys_every="0s")
    write(area, change)
    area.run()
    assert is_mirrored(area)


def test_a_table_that_was_emptied_and_filled_with_old_stamps_is_read_again(made: Make):
    area = filled(made)
    write(
        area,
        "create temp table kept as select * from things; truncate things;"
        "insert into things select id + 1, v || '!', updated_at - interval '1 hour' from kept",
    )
    area.run()
    assert is_mirrored(area)


def test_a_mirror_that_lacks_the_watermark_is_given_it(made: Make):
    area = filled(made, compare_keys_every="0s", on_new_column="ignore")
    for table in ("mrr_things", "mrr_things_history"):
        area.warehouse.execute("mrr", f"alter table {table} drop column updated_at")
    area.run()
    stamps = "select count(*) from mrr_things where updated_at is not null"
    assert area.warehouse.rows("mrr", stamps) == [(10,)]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("named", [1, 3, 4])
def test_many_keys_are_fetched_by_reading_the_table(
    made: Make, named: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deletes, "NAMED", named)
    area = filled(made, compare_keys_every="0s")
    write(
        area, "insert into things select n, 'old', '2024-01-01' from generate_series(20, 23) as n"
    )
    write(area, "insert into things values (30, 'new', clock_timestamp())")

    batch = area.run()

    assert is_mirrored(area)
    rows = {1: 16, 3: 16, 4: 5}[named]  # The new row lands twice, where all are read.
    assert batch.hops[0].entities["things"].as_dict() == {
        "processed": rows, "inserted": 5, "updated": 0, "deleted": 0, "rejected": 0
    }  # fmt: skip


def test_what_the_window_brings_is_not_fetched_again(made: Make):
    area = filled(made, compare_keys_every="0s")
    write(area, "update things set v = 'new', updated_at = clock_timestamp() where id = 5")
    write(area, RESTORED)

    counts = area.run().hops[0].entities["things"]

    assert (counts.processed, counts.fetched) == (2, 1)


def test_a_row_behind_the_end_of_the_window_is_neither_gone_nor_fetched(made: Make):
    area = filled(made, compare_keys_every="0s")
    write(area, "update things set v = 'soon', updated_at = now() + interval '1 hour' where id = 5")

    counts = area.run().hops[0].entities["things"]

    assert (counts.processed, counts.deleted) == (0, 0)
    assert (5, "v5") in things(area)


def test_a_new_key_has_the_keys_of_a_small_table_compared_alone(
    made: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deletes, "SMALL", 10)
    area = filled(made)
    write(area, "update things set id = 100, updated_at = clock_timestamp() where id = 1")
    area.run()
    assert [key for key, _ in things(area)] == [*range(1, 11), 100]
    due(area)
    area.run()
    assert [key for key, _ in things(area)] == [*range(2, 11), 100]


def test_more_changed_keys_than_may_go_stop_the_batch(made: Make):
    area = filled(made)
    write(area, "update things set id = id + 100, updated_at = clock_timestamp() where id < 4")
    before = things(area)
    with pytest.raises(DeleteGuardError, match="3 of 10 rows are gone"):
        area.run()
    assert things(area) == before


def test_a_plan_counts_what_keys_will_bring_and_says_when(made: Make):
    area = filled(made)
    [before] = plan.make(area.servers, area.area).entities
    write(area, RENUMBERED)
    [planned] = plan.make(area.servers, area.area).entities
    assert (planned.rows, planned.deleted, planned.compared_by) == (0, 0, before.compared_by)
    write(area, "insert into things values (70, 'new', clock_timestamp())")

    [planned] = plan.make(area.servers, area.area).entities

    assert (planned.rows, planned.deleted) == (2, 1)
    now = area.warehouse.rows("operational", "select clock_timestamp()")[0][0]
    assert planned.compared_by is not None
    assert planned.compared_by < now < before.compared_by
    done = area.run().hops[0].entities["things"]
    assert (done.processed, done.deleted) == (2, 1)


def test_verify_takes_a_changed_key_for_pending_until_the_next_batch(made: Make):
    area = filled(made)
    write(area, "update things set id = 100, updated_at = clock_timestamp() where id = 1")
    [check] = verify.run(area.servers, area.area).checks[:1]
    assert (check.compared.differences, check.compared.pending) == ([], 2)


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize("deletes_before", ["detect", "ignore"])
@pytest.mark.parametrize("change", ["delete from things where id = 4", RENUMBERED])
def test_what_went_before_windows_began_is_found_by_the_first_one(
    made: Make, deletes_before: Any, change: str
):
    """Until then the entity was read as a whole, which leaves no mark."""
    area = made(THINGS)
    delta, things = area.area, area.area.entities["things"]
    whole = things.model_copy(update={"extract": "full", "deletes": deletes_before})
    area.area = delta.model_copy(update={"entities": {"things": whole}})
    area.put(THINGS, *((n, f"v{n}", LONG_AGO) for n in range(1, 11)))
    area.run()
    write(area, change)
    area.area = delta
    [planned] = plan.make(area.servers, area.area).entities

    done = area.run().hops[0].entities["things"]

    assert (planned.deleted, done.deleted) == (1, 1)
    assert is_mirrored(area)


class TestReadAsAWhole:
    """`extract: full`."""

    ENTITY = replace(THINGS, settings={"extract": "full"})

    def loaded(self, made: Make, **settings: Any) -> Made:
        entity = replace(self.ENTITY, settings={**self.ENTITY.settings, **settings})
        area = made(entity)
        area.put(entity, *((n, f"v{n}", LONG_AGO) for n in range(1, 11)))
        area.run()
        return area

    @pytest.mark.further(one_in=2)
    @pytest.mark.parametrize(
        "change", ["delete from things where id = 2", RENUMBERED, RESTORED, BACKWARDS]
    )
    def test_what_is_gone_is_deleted(self, made: Make, change: str):
        area = self.loaded(made)
        write(area, change)
        [planned] = plan.make(area.servers, area.area).entities
        done = area.run().hops[0].entities["things"]
        assert planned.deleted == done.deleted
        assert is_mirrored(area)

    @pytest.mark.parametrize("condition", ["true", "id > 7"])
    def test_the_guard_applies(self, made: Make, condition: str):
        area = self.loaded(made)
        write(area, f"delete from things where {condition}")
        before = things(area)
        with pytest.raises(DeleteGuardError):
            area.run()
        assert things(area) == before

    def test_deletes_may_be_ignored(self, made: Make):
        area = self.loaded(made, deletes="ignore")
        write(area, "delete from things where id = 2")
        area.run()
        assert (2, "v2") in things(area)
        assert area.differences() == []
