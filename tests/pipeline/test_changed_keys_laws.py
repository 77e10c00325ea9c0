"""Claims on keys stay right whatever happens: any history, repairs, upgrades."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Made, Make
from tests.further import tries
from tests.pipeline.test_changed_keys import (
    CLAIMS,
    FEB,
    JAN,
    MAR,
    OTHER,
    TAGS,
    is_now,
    refused,
    state,
)
from tidemark.batch import pipeline
from tidemark.model import Overrides
from tidemark.trust import rebuild, verify

SPELLINGS = ["foo", "Foo", " foo", "bar", "BAR", "bar "]
CHANGES = st.lists(
    st.tuples(st.sampled_from(SPELLINGS), st.sampled_from(["a", "b", "bad", None])), max_size=4
)
WRITTEN = """
    insert into things values (%s, %s, now())
    on conflict (tag) do update set (v, updated_at) = (excluded.v, now())
"""
LIVE = "select tag from mrr_things where _deleted_at is null"


def write(area: Made, changes: list[tuple[str, str | None]]) -> None:
    """Write rows into the source; one without a value is deleted."""
    for tag, v in changes:
        if v is None:
            area.delete(TAGS, "tag = %s", [tag])
        else:
            area.warehouse.execute("operational", WRITTEN, [tag, v])


@pytest.fixture
def tags(made: Make) -> Made:
    """An area whose cleansing trims and lowers keys. It has one row already, with another key."""
    area = made(TAGS)
    area.put(TAGS, ("other", "o", JAN))
    area.run()
    return area


@pytest.fixture
def taken(tags: Made) -> Made:
    """The same with a row that holds a key, and one that waits for it."""
    tags.put(TAGS, ("Foo", "a", JAN), ("foo ", "b", FEB))
    tags.run()
    return tags


TAKEN = is_now([("foo", "a"), OTHER], ("foo ", "Foo"))


@settings(
    max_examples=tries(6, usually=3),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(CHANGES, min_size=1, max_size=4), st.booleans())
def test_every_key_is_staged_once_or_refused_and_a_rebuild_finds_the_same(
    tags: Made, batches: list[list[tuple[str, str | None]]], at_once: bool
):
    for changes in batches:
        write(tags, changes)
        pipeline.run_hop(tags.servers, tags.area, "extract")
        if not at_once:
            tags.run()
    tags.run()
    found = state(tags)
    held = {key: mirrored for mirrored, key, holds in claims(tags) if holds}
    live = [tag for (tag,) in tags.warehouse.rows("mrr", LIVE)]
    waiting = [key for key, *_ in found["refused"]]
    staged = [held.get(tag, tag) for tag, _ in found["staged"]]
    assert found["different"] == []
    assert len(staged) == len(set(staged))
    assert {*staged, *waiting} == set(live)
    # A row that the rules refuse keeps its good version; a row whose key is taken has none.
    assert not {key for key, *why in found["refused"] if "taken" in why[0]} & set(staged)


def claims(area: Made) -> list[tuple[Any, ...]]:
    return area.warehouse.rows("stg", CLAIMS)


def test_a_rebuild_derives_the_same_claims(taken: Made):
    before = claims(taken)
    taken.warehouse.execute("stg", "delete from tidemark.key_claim")
    rebuild.run(taken.servers, taken.area)
    assert claims(taken) == before == [("Foo", "foo", True), ("foo ", "foo", False)]
    assert state(taken) == TAKEN


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("layer", "damage"),
    [
        ("dwh", "update dim_things set v = 'x' where tag = 'foo'"),
        ("stg", "update stg_things set v = 'x' where tag = 'foo'"),
        ("stg", "delete from stg_things where tag = 'foo'"),
        ("stg", "delete from stg_rejects"),
        ("stg", 'update stg_rejects set key = \'{"tag": "gone"}\''),
        ("stg", 'update stg_rejects set key = \'{"tag": "foo"}\''),
    ],
)
def test_a_damage_behind_a_changed_key_is_named_and_repaired(taken: Made, layer: Any, damage: str):
    taken.warehouse.execute(layer, damage)
    found = verify.run(taken.servers, taken.area)
    assert not found.is_equal
    pipeline.run(taken.servers, taken.area, overrides=Overrides(repair=found.repair()))
    assert state(taken) == TAKEN


def test_what_an_older_tidemark_staged_is_claimed_by_who_holds_it(tags: Made):
    tags.put(TAGS, ("Foo", "a", JAN), ("Bar", "bad", JAN), ("Baz", "c", JAN))
    tags.run()
    tags.warehouse.execute("stg", "delete from tidemark.key_claim")
    tags.warehouse.execute("stg", 'update stg_rejects set key = \'{"tag": "bar"}\'')
    tags.warehouse.execute("stg", "insert into tidemark.claims_unknown values ('made')")
    assert verify.run(tags.servers, tags.area).is_equal

    tags.change(TAGS, "v = 'aa', updated_at = %s", [MAR], "tag = 'Foo'")
    tags.change(TAGS, "v = 'bb', updated_at = %s", [MAR], "tag = 'Bar'")
    tags.delete(TAGS, "tag = 'Baz'", [])
    tags.put(TAGS, ("foo ", "n", MAR))
    tags.run()
    staged = [("bar", "bb"), ("foo", "aa"), OTHER]
    assert state(tags) == is_now(staged, ("foo ", "Foo"))
    assert refused(tags) == [("foo ", "key is taken by Foo")]
