"""One batch of several versions is several batches of one, but for the batches, in every layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Make
from tests.fix_order import EVENTS, THINGS, Ordered, Shown, hour
from tests.further import tries
from tidemark.trust import rebuild
from tidemark.trust.compare import Changes

STAGED = """
    select v, name, updated_at, _extracted_at, _deleted_at, is_current
    from (
        select *, null as _replaced_by, true as is_current from stg_things
        union all select *, false from stg_things_history
    ) as s where id = %s order by _batch_id, _seq
"""
REJECTS = """
    select reasons, row_data - 'id', first_seen_at, last_seen_at, resolved_at
    from stg_rejects where entity = 'things' and key ->> 'id' = %s
    order by first_seen_at, resolved_at
"""
ORDER = """
    select v, _seq from stg_things where id = 'foo'
    union all select v, _seq from stg_things_history where id = 'foo' order by _seq
"""
VERSIONS = """
    select v, name, valid_from, valid_to, is_current, is_deleted, is_inferred, changed_at
    from dim_things where id = %s order by valid_from
"""
FACTS = """
    select amount, at, t.changed_at, t.v from fact_events join dim_things as t using (thing_key)
    where event = %s and (t.id = %s or t.id is null)
"""
Change = tuple[str, str, int]
History = list[Change]
SHOWN = st.tuples(
    st.sampled_from(["a", "b", "bad", "gone"]),
    st.sampled_from(["Ada", "Bea"]),
    st.integers(0, 6),
)
BOUGHT = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), max_size=3)
DAY = hour(24) - hour(0)
law = settings(
    max_examples=tries(4, usually=2),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def versions(seen: History) -> list[Shown]:
    return [
        Shown((v, name, hour(at)), hour(10 + n), is_deleted=v == "gone")
        for n, (v, name, at) in enumerate(seen)
    ]


def purchases(key: str, bought: list[tuple[int, int]]) -> list[Shown]:
    """Say what is shown of an event: its amount and its time; without an amount it is deleted."""
    return [
        Shown((key, amount, hour(at)), hour(30 + n), is_deleted=not amount)
        for n, (amount, at) in enumerate(bought)
    ]


def staged(ordered: Ordered, key: str) -> tuple[list[Any], list[Any]]:
    rows = ordered.warehouse.rows
    return rows("stg", STAGED, [key]), rows("stg", REJECTS, [key])


def published(ordered: Ordered, key: str) -> tuple[list[Any], list[Any]]:
    rows = ordered.warehouse.rows
    return rows("dwh", VERSIONS, [key]), rows("dwh", FACTS, [key, key])


@law
@given(st.lists(st.lists(SHOWN, min_size=1, max_size=4), min_size=1, max_size=3), SHOWN, BOUGHT)
def test_versions_at_once_are_as_one_after_the_other(
    ordered: Ordered, histories: list[History], touch: Change, bought: list[tuple[int, int]]
):
    """Each history is shown of three things: one by one, in batches, and all at once at the end.

    So is what was bought of them, and then all are touched once more.
    """
    # An event that came and went leaves the member that it inferred. All at once, it never came.
    if not any(v in ("a", "b") for history in histories for v, _, _ in history):
        bought = [(amount, at) for amount, at in bought if amount]
    keys = [f"{ordered.batch} {how}" for how in ("one", "some", "all")]
    one, some, all_ = keys
    for history in histories:
        for shown in versions(history):
            ordered.show({one: [shown]})
            ordered.move()
        ordered.show({some: versions(history)})
        ordered.move()
    for shown in purchases(one, bought):
        ordered.show({}, {one: [shown]})
        ordered.move()
    ordered.show(
        {all_: [shown for history in histories for shown in versions(history)]},
        {key: purchases(key, bought) for key in (some, all_)},
    )
    ordered.move()
    for _ in range(2):
        assert staged(ordered, one) == staged(ordered, some) == staged(ordered, all_)
        assert published(ordered, one) == published(ordered, some) == published(ordered, all_)
        assert rebuilt(ordered) == []
        ordered.show(dict.fromkeys(keys, versions([touch])))
        ordered.move()


def rebuilt(ordered: Ordered) -> list[Changes]:
    """Return what a rebuild would change."""
    found = rebuild.run(ordered.made.servers, ordered.made.area, dry_run=True)
    return [one for one in found if one.added or one.changed or one.removed]


def test_keys_in_question_are_decided_at_each_version(made: Make):
    """Foo holds the row, and gives it up within the batch: a waiting row takes it over there."""
    lowered = replace(THINGS, cleansed={"id": "lower(btrim(id))"})
    ordered = Ordered(made(lowered, EVENTS))
    foo = versions([("a", "Ada", 0), ("b", "Ada", 1), ("gone", "Ada", 1)])
    ordered.show({"Foo": foo, "foo ": versions([("c", "Bea", 2)])})
    ordered.move()
    versions_of_foo = [(v, seq) for v, seq in ordered.warehouse.rows("stg", ORDER)]
    assert versions_of_foo == [("a", 0), ("b", 1), ("c", 2)]
    assert [r[0] for r in staged(ordered, "foo ")[1]] == [["key is taken by Foo"]]
    assert all(resolved for *_, resolved in staged(ordered, "foo ")[1])


def test_a_reject_was_first_seen_when_the_first_version_was_though_a_clock_went_back(
    ordered: Ordered,
):
    first, second = (
        Shown(("bad", name, hour(0)), hour(at)) for name, at in (("Ada", 12), ("Bea", 10))
    )
    ordered.show({"x": [first, second]})
    ordered.move()
    assert [row[2:4] for row in staged(ordered, "x")[1]] == [(hour(12), hour(12))]


def test_a_rebuild_finds_versions_of_a_batch_as_they_were_staged(ordered: Ordered):
    history = [("a", "Ada", 0), ("bad", "Ada", 1), ("gone", "Ada", 1), ("a", "Bea", 2)]
    ordered.show({"x": versions(history), "y": versions([("a", "Ada", 0)])})
    ordered.show({"x": versions([("b", "Bea", 3), ("a", "Bea", 4)])})
    ordered.move()
    before = staged(ordered, "x")
    rebuild.run(ordered.made.servers, ordered.made.area)
    assert staged(ordered, "x") == before
    assert len(before[0]) == 5


def test_each_stay_outside_is_a_reject_of_its_own(ordered: Ordered):
    """The first one continues the one that is open, and the last one stays open."""
    ordered.show({"x": versions([("bad", "Ada", 0)])})
    ordered.move()
    stays = [(v, "Ada", n) for n, v in enumerate(["bad", "a", "bad", "bad", "gone", "bad"], 1)]
    ordered.show({"x": [replace(one, clock=one.clock + DAY) for one in versions(stays)]})
    ordered.move()
    assert [(first, last, end) for *_, first, last, end in staged(ordered, "x")[1]] == [
        (hour(10), hour(34), hour(35)),
        (hour(36), hour(37), hour(38)),
        (hour(39), hour(39), None),
    ]
