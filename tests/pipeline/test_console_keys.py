"""The pages of a key and of a fact: two times, the way to the source row, and who sees what."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.fix_areas import Dimension, Fact, Made, Make
from tests.fix_console import Served, serving_console, table, tables

DETECTING = {"deletes": "detect", "compare_keys_every": "0s", "max_delete_ratio": 1}
THINGS = Dimension(
    {"id": "integer", "a": "text", "b": "text", "c": "text", "at": "timestamptz",
     "updated_at": "timestamptz"},
    ("id",), type1=("c",), effective="at", settings=DETECTING,
)  # fmt: skip
EVENTS = Fact(
    {"no": "integer", "id": "integer", "at": "timestamptz"}, ("no",), "at", {"thing_key": "things"}
)
KEYS = "/areas/made/entities/things/keys"
FACTS = "/areas/made/entities/events/facts"
VERSIONS = "One row for each version"
STORY = [
    ["insert into things values (1, 'x', 'p', 'c', '2025-01-10Z', now())",
     "insert into things values (2, 'x', 'p', 'c', '2025-01-10Z', now())",
     "insert into events values (1, 1, '2025-02-01Z'), (2, 7, '2025-02-02Z')",
     "insert into events values (3, null, '2025-02-03Z')"],
    ["update things set a = 'y', at = '2025-03-01Z', updated_at = now() where id = 1"],
    ["update things set a = 'late', at = '2025-02-10Z', updated_at = now() where id = 1",
     "delete from things where id = 2"],
    ["update things set a = 'z', c = 'd', at = '2025-04-01Z', updated_at = now() where id = 1",
     "insert into things values (2, 'x', 'q', 'c', '2025-05-01Z', now())"],
]  # fmt: skip
"""What happens in the source before each of four batches."""


@pytest.fixture
def told(made: Make) -> Made:
    """The story, without its batches."""
    return made(THINGS, EVENTS)


@pytest.fixture
def console_of_keys(told: Made) -> Iterator[Served]:
    with serving_console({"made": told.area}, told.warehouse.dsn) as served:
        yield served


def run(told: Made) -> Iterator[int]:
    """Play the story; yields the batch behind each part of it."""
    for statements in STORY:
        for statement in statements:
            told.warehouse.execute("operational", statement)
        yield told.run().batch_id


def shown(console: Served, name: str = "olga", **query: object) -> list[list[str]]:
    """Return from, to and attributes of the versions on a page."""
    answer = console.get(f"{KEYS}?{urlencode(query)}", name)
    found = tables(answer)
    rows: list[list[str]] = next(
        (rows for caption, rows in found.items() if caption.startswith(VERSIONS)), [[]]
    )
    places = [rows[0].index(one) for one in ("valid from", "valid to", "a", "b", "c") if rows[0]]
    return [[row[place].removesuffix(" ◂") for place in places] for row in rows[1:]]


def said(told: Made, key: int) -> list[list[str]]:
    """Return the same as the DWH has it."""
    ends = {"1900-01-01 00:00:00 UTC": "the beginning", "9999-12-31 00:00:00 UTC": "open"}
    times = ", ".join(
        f"to_char({t}, 'YYYY-MM-DD HH24:MI:SS.US') " for t in ("valid_from", "valid_to")
    )
    query = f"select {times}, a, b, c from dim_things where id = {key} order by valid_from"
    found = told.warehouse.rows("dwh", f"set timezone = 'UTC'; {query}")
    return [
        [ends.get(at := f"{text.removesuffix('.000000')} UTC", at) for text in (begins, to)]
        + [*rest]
        for begins, to, *rest in found
    ]


def test_at_batch_n_the_page_shows_what_the_dwh_said_then(told: Made, console_of_keys: Served):
    after = {batch: [said(told, key) for key in (1, 2)] for batch in run(told)}
    for batch, keys in after.items():
        for key, versions in enumerate(keys, 1):
            assert shown(console_of_keys, key=key, batch=batch) == versions, (batch, key)
    last = after[max(after)]
    assert [shown(console_of_keys, key=key) for key in (1, 2)] == last
    assert [shown(console_of_keys, "anna", key=key) for key in (1, 2)] == last


def test_a_version_says_since_which_batch_it_is_known_and_which_columns_differ(
    told: Made, console_of_keys: Served
):
    first, second, third, _ = run(told)
    answer = console_of_keys.get(f"{KEYS}?key=1")
    rows = table(answer, VERSIONS)
    known = [row[rows[0].index("known since batch")] for row in rows[1:]]
    assert known[:3] == [f"{first}", f"{third} late", f"{second}"]
    assert [row[rows[0].index("a")] for row in rows[1:]] == ["x", "late ◂", "y ◂", "z ◂"]
    assert [row[rows[0].index("state")] for row in rows[1:]] == ["past", "past", "past", "current"]
    deleted = table(console_of_keys.get(f"{KEYS}?key=2"), VERSIONS)
    assert [row[deleted[0].index("state")] for row in deleted[1:]] == [
        "deleted at its end",
        "current",
    ]


@pytest.mark.parametrize(
    ("at", "zone", "in_force"),
    [
        ("2025-02-01T00:00Z", "", "a x"),
        ("2025-02-10T00:00Z", "", "a late"),
        ("2025-02-10T00:30", "Europe/Berlin", "a x"),
        ("2025-02-10T01:30", "Europe/Berlin", "a late"),
    ],
)
def test_the_cursor_says_what_was_in_force(
    told: Made, console_of_keys: Served, at: str, zone: str, in_force: str
):
    assert len([*run(told)]) == 4
    answer = console_of_keys.get(f"{KEYS}?{urlencode({'key': 1, 'at': at, 'zone': zone})}")
    banner = " ".join(answer.text.split('role="status">')[1].split("</p>")[0].split())
    assert in_force in banner.replace("<strong>", "").replace("</strong>", "")


def test_the_two_times_are_not_the_same(told: Made, console_of_keys: Served):
    """In force in mid February: `x` as known after batch 2, and `late` as known after batch 3."""
    _, second, third, _ = run(told)
    banners = []
    for batch in (second, third):
        query = urlencode({"key": 1, "at": "2025-02-15T00:00Z", "batch": batch})
        answer = console_of_keys.get(f"{KEYS}?{query}")
        banners.append(answer.text.split('role="status">')[1].split("</p>")[0])
    assert ["x," in banners[0], "late," in banners[1]] == [True, True]


def test_a_fact_says_why_it_points_where_it_does_and_leads_to_its_row(
    told: Made, console_of_keys: Served
):
    first, *_ = run(told)
    answer = console_of_keys.get(f"{FACTS}?key=1")
    ((column, _, member, _, why),) = table(answer, "Each key of the fact")[1:]
    assert (column, member) == ("thing_key", "things 1")
    assert why == f"It was in force when the fact happened. Known since batch {first}."
    mrr = table(answer, "Row versions of mrr_events")
    assert mrr[1][:3][0] == str(first)
    assert "came before the row of its member" in console_of_keys.get(f"{FACTS}?key=2").text
    assert "has no natural key of things" in console_of_keys.get(f"{FACTS}?key=3").text
    facts = table(console_of_keys.get(f"{KEYS}?key=1"), "The last 1 facts")
    assert facts[1][0] == "1"


def test_a_surrogate_key_finds_its_natural_key(told: Made, console_of_keys: Served):
    assert len([*run(told)]) == 4
    ((surrogate,),) = told.warehouse.rows(
        "dwh", "select max(thing_key) from dim_things where id = 2"
    )
    assert shown(console_of_keys, surrogate=surrogate) == said(told, 2)
    for nothing in ("0", "999"):
        assert console_of_keys.get(f"{KEYS}?surrogate={nothing}").status_code == 404


def test_rows_of_stg_and_mrr_are_for_owners_and_keys_for_analysts(
    told: Made, console_of_keys: Served
):
    _, second, *_ = run(told)
    seen = [*tables(console_of_keys.get(f"{KEYS}?key=1"))]
    assert [caption.partition(",")[0] for caption in seen if caption.startswith("Row")] == [
        "Row versions of stg_things",
        "Row versions of mrr_things",
    ]
    of_anna = console_of_keys.get(f"{KEYS}?key=1", "anna")
    assert not [caption for caption in tables(of_anna) if caption.startswith("Row")]
    assert console_of_keys.get(f"{KEYS}?key=1&batch={second}", "anna").status_code == 403
    for path in (f"{KEYS}?key=1", f"{FACTS}?key=1", KEYS):
        assert console_of_keys.get(path, "mona").status_code == 403


BAD = {
    "key=x": 400,
    "key=1&key=2": 400,
    "key=99999999999999999999": 400,
    "key=404": 404,
    "key=1&batch=x": 400,
    "key=1&batch=-1": 400,
    "key=1&batch=99999999999999999999": 400,
    "key=1&at=yesterday": 400,
    "key=1&at=0001-01-01T00:00&zone=Asia/Tokyo": 400,
    "key=1&zone=Nowhere": 400,
    "key=1&zone=../../etc/passwd": 400,
    "key=1&zone=UTC&zone=UTC": 400,
    "key=%00": 400,
    "key=1&first=x": 400,
    "surrogate=x": 400,
}


def test_what_is_asked_for_badly_is_refused_and_named(told: Made, console_of_keys: Served):
    assert len([*run(told)]) == 4
    answers = {query: console_of_keys.get(f"{KEYS}?{query}").status_code for query in BAD}
    assert answers == BAD
    for path in (
        "/areas/x/entities/things/keys",
        "/areas/made/entities/x/keys",
        FACTS[:-5] + "keys",
    ):
        assert console_of_keys.get(f"{path}?key=1").status_code == 404


MANY = """
insert into dim_things
(id, a, b, c, valid_from, valid_to, is_current, is_deleted, changed_at, _batch_id, _seq)
select 9, n::text, 'p', 'c', v.begins,
    case when n = 350 then '9999-12-31Z' else v.begins + interval '1 day' end,
    n = 350, false, v.begins, 1, 0
from generate_series(1, 350) as n
cross join lateral (select '2020-01-01Z'::timestamptz + n * interval '1 day') as v (begins)
"""


def test_of_many_versions_a_window_is_shown(told: Made, console_of_keys: Served):
    assert len([*run(told)]) == 4
    told.warehouse.execute("dwh", MANY)
    versions = [row[2] for row in shown(console_of_keys, "anna", key=9)]
    assert versions == [str(n) for n in range(51, 351)]
    page = console_of_keys.get(f"{KEYS}?key=9", "anna")
    assert "Earlier versions" in page.text
    assert "Later versions" not in page.text
    at = urlencode({"key": 9, "at": "2020-01-03T12:00Z"})
    assert shown(console_of_keys, "anna", key=9, first=0)[0][2] == "1"
    assert "a</strong> 2" in console_of_keys.get(f"{KEYS}?{at}", "anna").text
