"""Keys that cleansing changes: a row of STG belongs to one key of MRR, and another one waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tidemark.batch import pipeline
from tidemark.errors import ContractError
from tidemark.layers import rejects

JAN, FEB, MAR, APR = (f"2025-{month:02}-01 00:00Z" for month in range(1, 5))

TAGS = Dimension(
    {"tag": "text", "v": "text", "updated_at": "timestamptz"},
    ("tag",),
    cleansed={"tag": "lower(btrim(tag))"},
    refused="case when v = 'bad' then '{v is bad}'::text[] else '{}' end",
    settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
)
STAGED = "select tag, v from stg_things where _deleted_at is null order by 1"
CURRENT = "select tag, v from dim_things where is_current and thing_key <> 0 order by 1"
CLAIMS = """
    select mrr_key ->> 'tag', stg_key ->> 'tag', holds from tidemark.key_claim order by 1
"""


def refused(area: Made) -> list[tuple[Any, ...]]:
    """Return the open rejects: values of the key (of its columns, the shorter first), reasons."""
    with area.servers.session("stg", "test") as stg:
        found = rejects.listing(stg, area.area, entity=None, resolved=False, limit=99)
    return sorted((*reject.key.values(), *reject.reasons) for reject in found)


def state(area: Made) -> dict[str, Any]:
    """Return what STG holds and refuses, what is current in the DWH, and what is different."""
    staged = area.warehouse.rows("stg", STAGED)
    assert area.warehouse.rows("dwh", CURRENT) == staged
    return {"staged": staged, "refused": refused(area), "different": area.differences()}


def is_now(staged: Sequence[tuple[str, str]], *waiting: tuple[str, str]) -> dict[str, Any]:
    """Return the state with these rows staged, and those refused."""
    found = [(key, f"key is taken by {holder}") for key, holder in waiting]
    return {"staged": list(staged), "refused": found, "different": []}


@pytest.fixture
def tags(made: Make) -> Made:
    """An area whose cleansing trims and lowers keys. It has one row already, with another key."""
    area = made(TAGS)
    area.put(TAGS, ("other", "o", JAN))
    area.run()
    return area


OTHER = ("other", "o")


def test_of_two_new_keys_the_smaller_holds(tags: Made):
    tags.put(TAGS, ("foo ", "b", FEB), ("Foo", "a", JAN))
    tags.run()
    assert state(tags) == is_now([("foo", "a"), OTHER], ("foo ", "Foo"))


def test_the_first_holds_and_a_later_version_of_it_updates_the_row(tags: Made):
    tags.put(TAGS, ("foo ", "a", JAN))
    tags.run()
    tags.put(TAGS, ("Foo", "b", FEB), ("foo", "c", FEB))
    tags.run()
    waiting = [("Foo", "foo "), ("foo", "foo ")]
    assert state(tags) == is_now([("foo", "a"), OTHER], *waiting)

    tags.change(TAGS, "v = 'aa', updated_at = %s", [MAR], "tag = 'foo '")
    tags.change(TAGS, "v = 'bb', updated_at = %s", [MAR], "tag = 'Foo'")
    tags.run()
    assert state(tags) == is_now([("foo", "aa"), OTHER], *waiting)


def test_a_key_that_is_as_mrr_has_it_holds_its_row_too(tags: Made):
    tags.put(TAGS, ("foo", "a", JAN))
    tags.run()
    tags.put(TAGS, ("FOO", "b", FEB))
    tags.run()
    assert state(tags) == is_now([("foo", "a"), OTHER], ("FOO", "foo"))

    tags.change(TAGS, "v = 'aa', updated_at = %s", [MAR], "tag = 'foo'")
    tags.run()
    assert state(tags) == is_now([("foo", "aa"), OTHER], ("FOO", "foo"))


def test_what_waits_takes_over_when_the_holder_is_deleted(tags: Made):
    tags.put(TAGS, ("foo", "a", JAN))
    tags.run()
    tags.put(TAGS, ("foo ", "c", FEB), ("FOO", "b", FEB))
    tags.run()
    tags.delete(TAGS, "tag = %s", ["foo"])
    tags.run()
    assert state(tags) == is_now([("foo", "b"), OTHER], ("foo ", "FOO"))

    tags.delete(TAGS, "tag = %s", ["FOO"])
    tags.run()
    assert state(tags) == is_now([("foo", "c"), OTHER])

    tags.delete(TAGS, "tag = %s", ["foo "])
    tags.run()
    assert state(tags) == is_now([OTHER])
    assert tags.warehouse.rows("stg", CLAIMS) == []


def test_a_delete_of_what_waits_touches_nothing_of_the_holder(tags: Made):
    tags.put(TAGS, ("foo ", "a", JAN))
    tags.run()
    tags.put(TAGS, ("foo", "b", FEB))
    tags.run()
    tags.delete(TAGS, "tag = %s", ["foo"])
    tags.run()
    assert state(tags) == is_now([("foo", "a"), OTHER])
    versions = "select valid_to from dim_things where tag = 'foo'"
    assert len(tags.warehouse.rows("dwh", versions)) == 1


def test_both_deleted_in_one_batch_leave_nothing(tags: Made):
    tags.put(TAGS, ("foo ", "a", JAN), ("Foo", "b", JAN))
    tags.run()
    tags.delete(TAGS, "tag <> %s", ["other"])
    tags.run()
    assert state(tags) == is_now([OTHER])
    assert tags.warehouse.rows("stg", CLAIMS) == []


def test_a_holder_that_cleansing_refuses_keeps_its_good_row(tags: Made):
    tags.put(TAGS, ("Foo", "a", JAN), ("foo ", "b", JAN))
    tags.run()
    tags.change(TAGS, "v = 'bad', updated_at = %s", [FEB], "tag = 'Foo'")
    tags.run()
    assert state(tags)["staged"] == [("foo", "a"), OTHER]
    assert refused(tags) == [("Foo", "v is bad"), ("foo ", "key is taken by Foo")]
    assert state(tags)["different"] == []

    tags.delete(TAGS, "tag = %s", ["Foo"])
    tags.run()
    assert state(tags) == is_now([("foo", "b"), OTHER])


def test_what_waits_is_in_none_s_way_when_cleansing_refuses_it(tags: Made):
    tags.put(TAGS, ("Foo", "a", JAN), ("foo ", "b", JAN))
    tags.run()
    tags.change(TAGS, "v = 'bad', updated_at = %s", [FEB], "tag = 'foo '")
    tags.run()
    assert refused(tags) == [("foo ", "v is bad")]
    tags.delete(TAGS, "tag = %s", ["Foo"])
    tags.run()
    assert state(tags) == {"staged": [OTHER], "refused": [("foo ", "v is bad")], "different": []}


CAST = Dimension(
    {"code": "text", "v": "text", "updated_at": "timestamptz"},
    ("code",),
    cleansed={"code": "nullif(regexp_replace(code, '\\D', '', 'g'), '')::integer"},
    stored={"code": "integer"},
    settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
)


def test_keys_that_a_cast_makes_one(made: Make):
    area = made(CAST)
    area.put(CAST, ("7", "a", JAN), ("8", "b", JAN))
    area.run()
    area.put(CAST, ("007", "c", FEB), ("x", "d", FEB))
    area.run()
    waiting = ("007", "key is taken by 7")
    staged = "select code, v from stg_things where _deleted_at is null order by 1"
    assert refused(area) == [waiting, ("x", "key is missing")]
    assert area.warehouse.rows("stg", staged) == [(7, "a"), (8, "b")]
    assert area.differences() == []

    area.delete(CAST, "code in ('7', 'x')", [])
    area.run()
    assert area.warehouse.rows("stg", staged) == [(7, "c"), (8, "b")]
    assert refused(area) == area.differences() == []


PLACES = Dimension(
    {"country": "text", "id": "int", "alias": "text", "v": "text", "updated_at": "timestamptz"},
    ("country", "id"),
    cleansed={"country": "coalesce(alias, country)"},
    settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
)
PLACED = "select country, id, v from stg_things where _deleted_at is null order by 1, 2"


def test_a_key_that_another_column_changes(made: Make):
    area = made(PLACES)
    area.put(
        PLACES, ("at", 1, None, "a", JAN), ("be", 1, "at", "b", JAN), ("ch", 1, None, "c", JAN)
    )
    area.run()
    assert refused(area) == [(1, "be", "key is taken by at, 1")]
    assert area.warehouse.rows("stg", PLACED) == [("at", 1, "a"), ("ch", 1, "c")]

    # The holder moves to a key that is taken: its row becomes that of the one that waits.
    area.change(PLACES, "alias = 'ch', updated_at = %s", [FEB], "country = 'at'")
    area.run()
    assert refused(area) == [(1, "at", "key is taken by ch, 1")]
    assert area.warehouse.rows("stg", PLACED) == [("at", 1, "b"), ("ch", 1, "c")]
    assert area.differences() == []

    # One that waits moves to a key that is free.
    area.change(PLACES, "alias = 'de', updated_at = %s", [MAR], "country = 'at'")
    area.run()
    assert refused(area) == []
    assert area.warehouse.rows("stg", PLACED) == [("at", 1, "b"), ("ch", 1, "c"), ("de", 1, "a")]
    assert area.differences() == []


def test_a_chain_of_keys_moves_on_in_one_batch(made: Make):
    area = made(PLACES)
    rows = [("a", 1, None, "a", JAN), ("b", 1, None, "b", JAN), ("c", 1, None, "c", JAN)]
    area.put(PLACES, *rows)
    area.run()
    for country, alias in (("a", "b"), ("b", "c"), ("c", "d")):
        where = f"country = '{country}'"
        area.change(PLACES, f"alias = '{alias}', updated_at = %s", [FEB], where)
    area.run()
    assert area.warehouse.rows("stg", PLACED) == [("b", 1, "a"), ("c", 1, "b"), ("d", 1, "c")]
    current = "select country, v from dim_things where is_current and thing_key <> 0 order by 1"
    assert area.warehouse.rows("dwh", current) == [("b", "a"), ("c", "b"), ("d", "c")]
    assert refused(area) == area.differences() == []


def test_a_member_that_is_taken_over_changes_when_it_is(tags: Made):
    tags.put(TAGS, ("foo", "a", JAN), ("foo ", "b", FEB))
    tags.run()
    tags.change(TAGS, "v = 'aa', updated_at = %s", [MAR], "tag = 'foo'")
    tags.run()
    tags.delete(TAGS, "tag = %s", ["foo"])
    tags.run()
    assert state(tags) == is_now([("foo", "b"), OTHER])
    versions = "select v, is_deleted from dim_things where tag = 'foo' order by valid_from"
    assert tags.warehouse.rows("dwh", versions) == [("a", False), ("aa", False), ("b", False)]

    tags.change(TAGS, "v = 'bb', updated_at = %s", [APR], "tag = 'foo '")
    tags.run()
    assert state(tags) == is_now([("foo", "bb"), OTHER])


def test_batches_that_stg_catches_up_with_come_out_as_if_one_by_one(tags: Made):
    def extract() -> None:
        pipeline.run_hop(tags.servers, tags.area, "extract")

    tags.put(TAGS, ("foo", "a", JAN))
    extract()
    tags.put(TAGS, ("Foo", "b", FEB), ("FOO", "c", FEB))
    extract()
    tags.delete(TAGS, "tag = %s", ["foo"])
    extract()
    tags.change(TAGS, "v = 'cc', updated_at = %s", [MAR], "tag = 'FOO'")
    tags.run()
    assert state(tags) == is_now([("foo", "cc"), OTHER], ("Foo", "FOO"))


HOSTILE: dict[str, tuple[str, Any]] = {
    "l": ("json", '{"b": 1,  "a": "\\u0000", "a": 2}'),
    "c": ("float8[]", "[2:4]={NaN,-Infinity,0.1}"),
    "k": ("numeric", "NaN"),
    "h": ("bytea", "\\x00ff"),
    "n": ("timestamptz", "-infinity"),
    "w": ("int4range[]", '{"[1,3)",empty}'),
    "x": ("jsonb", '{"a": [1.00, null]}'),
    "o": ("text", None),
}


def test_what_waits_arrives_as_it_came(made: Make):
    types = {name: kind for name, (kind, _) in HOSTILE.items()}
    things = Dimension(
        {"tag": "text", **types, "updated_at": "timestamptz"},
        ("tag",),
        cleansed={"tag": "lower(tag)"},
        settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
    )
    area = made(things)
    values = [value for _, value in HOSTILE.values()]
    area.put(
        things, ("FOO", *[None] * len(values), JAN), ("foo", *values, FEB), ("b", *values, FEB)
    )
    area.run()
    area.delete(things, "tag = %s", ["FOO"])
    area.run()
    [left, right] = area._rows("stg", things, ("public", "stg_things"))
    assert left[1:-1] == right[1:-1]
    assert area.differences() == refused(area) == []


def test_rows_that_a_view_makes_of_one_are_refused(made: Make):
    things = Dimension(
        {"id": "int", "v": "text", "updated_at": "timestamptz"},
        ("id",),
        cleansed={"v": "unnest(string_to_array(v, ','))"},
        settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
    )
    area = made(things)
    area.put(things, (1, "a,b", JAN), (2, "c", JAN))
    area.run()
    assert refused(area) == [(1, "key occurs more than once in a batch")]
    assert area.differences() == []

    area.change(things, "v = 'a', updated_at = %s", [FEB], "id = 1")
    area.run()
    area.change(things, "v = 'a,b', updated_at = %s", [MAR], "id = 1")
    area.run()
    area.delete(things, "id = %s", [1])
    area.run()
    staged = "select id from stg_things where _deleted_at is null"
    assert area.warehouse.rows("stg", staged) == [(2,)]
    assert area.differences() == refused(area) == []


def test_a_view_that_keeps_the_lineage_to_itself_is_told(made: Make):
    area = made(replace(TAGS, cleansed={"_first_batch_id": "null::bigint"}))
    area.put(TAGS, ("foo", "a", JAN))
    with pytest.raises(
        ContractError, match=r"landing.clean_things gives 1 rows .* lineage columns"
    ):
        area.run()


FACTS = Fact(
    {"id": "text", "tag": "text", "at": "timestamptz", "amount": "int"},
    ("id",),
    "at",
    dimensions={"thing_key": "things"},
    cleansed={"id": "btrim(id)", "tag": "lower(btrim(tag))"},
    settings={"deletes": "detect", "max_delete_ratio": 1},
)


def test_facts_of_one_key_count_once_and_find_their_member(made: Make):
    area = made(TAGS, FACTS)
    area.put(TAGS, ("Foo", "a", JAN), ("foo", "b", FEB))
    area.put(FACTS, ("1", "FOO", MAR, 10), ("1 ", "foo", MAR, 20), ("2", "foo ", MAR, 40))
    area.run()
    query = """
        select f.id, d.v, f.amount from fact_events as f join dim_things as d using (thing_key)
        order by 1
    """
    assert area.warehouse.rows("dwh", query) == [("1", "a", 10), ("2", "a", 40)]

    area.delete(FACTS, "id = %s", ["1"])
    area.delete(TAGS, "tag = %s", ["Foo"])
    area.run()
    assert area.warehouse.rows("dwh", query) == [("1", "a", 20), ("2", "a", 40)]
    assert area.differences() == refused(area) == []
