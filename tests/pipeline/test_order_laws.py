"""One batch of several versions is several batches of one, but for the batches, in every layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Make
from tests.fix_order import EVENTS, THINGS, Ordered, Shown, hour
from tidemark import rebuild

STAGED = """
    select v, name, updated_at, _extracted_at, _deleted_at, is_current
    from (
        select *, true as is_current from stg_things
        union all select *, false from stg_things_history
    ) as s where id = %s order by _batch_id, _seq
"""
REJECTS = """
    select reasons, row_data - 'id', first_seen_at, last_seen_at, resolved_at
    from stg_rejects where entity = 'things' and key ->> 'id' = %s
    order by first_seen_at, resolved_at
"""
ORDER = """
    select v, _seq from (select * from stg_things union all select * from stg_things_history) as s
    where id = 'foo' order by _seq
"""
SHOWN = st.tuples(
    st.sampled_from(["a", "b", "bad", "gone"]),
    st.sampled_from(["Ada", "Bea"]),
    st.integers(0, 6),
)
law = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def versions(seen: list[tuple[str, str, int]]) -> list[Shown]:
    return [
        Shown((v, name, hour(at)), hour(10 + n), is_deleted=v == "gone")
        for n, (v, name, at) in enumerate(seen)
    ]


def staged(ordered: Ordered, key: str) -> tuple[list[Any], list[Any]]:
    rows = ordered.warehouse.rows
    return rows("stg", STAGED, [key]), rows("stg", REJECTS, [key])


@law
@given(st.lists(st.lists(SHOWN, min_size=1, max_size=4), min_size=1, max_size=3))
def test_versions_at_once_are_staged_as_one_after_the_other(
    ordered: Ordered, histories: list[list[tuple[str, str, int]]]
):
    """Each history is shown of three keys: one by one, in batches, and all at once at the end."""
    run = ordered.batch
    one, some, all_ = (f"{run} {how}" for how in ("one", "some", "all"))
    for history in histories:
        for shown in versions(history):
            ordered.show({one: [shown]})
            ordered.move()
        ordered.show({some: versions(history)})
        ordered.move()
    ordered.show({all_: [shown for history in histories for shown in versions(history)]})
    ordered.move()
    assert staged(ordered, one) == staged(ordered, some) == staged(ordered, all_)


def test_keys_in_question_are_decided_at_each_version(made: Make):
    """Foo holds the row, and lets go of it within the batch: who waits takes it over there."""
    lowered = replace(THINGS, cleansed={"id": "lower(btrim(id))"})
    ordered = Ordered(made(lowered, EVENTS))
    foo = versions([("a", "Ada", 0), ("b", "Ada", 1), ("gone", "Ada", 1)])
    ordered.show({"Foo": foo, "foo ": versions([("c", "Bea", 2)])})
    ordered.move()
    versions_of_foo = [(v, seq) for v, seq in ordered.warehouse.rows("stg", ORDER)]
    assert versions_of_foo == [("a", 0), ("b", 1), ("c", 2)]
    assert [r[0] for r in staged(ordered, "foo ")[1]] == [["key is taken by Foo"]]
    assert all(resolved for *_, resolved in staged(ordered, "foo ")[1])


def test_a_rebuild_finds_versions_of_a_batch_as_they_were_staged(ordered: Ordered):
    history = [("a", "Ada", 0), ("bad", "Ada", 1), ("gone", "Ada", 1), ("a", "Bea", 2)]
    ordered.show({"x": versions(history), "y": versions([("a", "Ada", 0)])})
    ordered.show({"x": versions([("b", "Bea", 3), ("a", "Bea", 4)])})
    ordered.move()
    before = staged(ordered, "x")
    rebuild.run(ordered.made.servers, ordered.made.area)
    assert staged(ordered, "x") == before
    assert len(before[0]) == 5
