"""What a source may hold, however odd, arrives as it is, or is refused with a reason."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Make
from tidemark.errors import ContractError, NullWatermarkError, StatementError
from tidemark.model import Column
from tidemark.observe import history
from tidemark.postgres import sessions

LONG_TEXT = "".join(random.Random(1).choices("äöü\\\"'\n\t%;{}🐘", k=300_000))

VALUES = {
    "text": [
        "",
        " ",
        "NULL",
        r"\N",
        r"\.",
        "\\",
        "a\tb\nc\rd\x0b",
        "\x01\x1f\x7f",
        "🐘 👩‍👩‍👧",
        LONG_TEXT,
    ],
    "varchar(5)": ["", "🐘🐘🐘🐘🐘"],
    "char(3)": ["a"],
    "numeric": ["NaN", "Infinity", "-Infinity", "1.00", "-0.000", "9" * 1000 + "." + "9" * 1000],
    "numeric(5,2)": ["NaN", "999.99"],
    "double precision": ["NaN", "Infinity", "-0", "1e-310", "0.1"],
    "real": ["1e-45", "0.1"],
    "bigint": ["9223372036854775807", "-9223372036854775808"],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "0001-01-01", "5874897-12-31"],
    "timestamptz": ["infinity", "-infinity", "4713-01-01 00:00Z BC", "294276-12-31 23:59:59Z"],
    "timestamp": ["infinity", "0044-03-15 12:00 BC"],
    "time": ["24:00"],
    "interval": ["-1 year +2 days -3 hours", "178000000 years"],
    "bytea": ["\\x00ff", "\\x"],
    "json": ['{"a": "\\u0000", "a": 1e999999}', " null"],
    "jsonb": ['{"a": "\\u0001\\\\u0000", "b": 1e400}', "null", '"\\\\N"'],
    "text[]": [r'{NULL,"NULL","\\N",""}', "{}"],
    "int4range": ["empty", "[1,2)"],
    "inet": ["::1/64"],
    "bit varying": ["", "101"],
}
DAWN, NOON = "2025-01-01", "2025-01-05 12:00Z"


def without_stamp(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows of a source without `updated_at`, their last column."""
    return [row[:-1] for row in rows]


@pytest.mark.parametrize("more", [{}, {"as text": "information_schema.yes_or_no"}])
def test_values_arrive_as_they_were_written(made: Make, more: dict[str, str]):
    """In COPY's binary format, and in its text format, which a type that is not built in takes."""
    kinds = {**{f"a {kind}": kind for kind in VALUES}, **more}
    things = Dimension({"id": "int", **kinds, "updated_at": "timestamptz"}, ("id",), ("a text",))
    area = made(things)
    for number, values in enumerate(zip_longest(*VALUES.values())):
        area.put(things, (number, *values, *("YES" for _ in more), DAWN))

    area.run()

    assert area.mirrored(things) == area.sent(things)
    assert area.published(things) == without_stamp(area.sent(things))
    area.change(things, '"a bigint" = 7, updated_at = now()')
    assert area.run().hops[0].entities["things"].updated == len(area.sent(things))
    assert area.published(things) == without_stamp(area.sent(things))
    assert area.run().changed == 0
    assert area.differences() == []


UNEQUAL = {
    "json": ('{"a": 1}', '{"a":1}'),
    "json[]": ('{"{}"}', '{"[]"}'),
    "point": ("(1,2)", "(1,3)"),
    "box": ("(1,1),(0,0)", "(2,2),(1,1)"),
    "interval": ("30 days", "1 mon"),
    "pair": ('("{}",1)', '("{ }",1)'),
}


def test_a_change_counts_that_the_type_calls_none(made: Make):
    kinds = {**{kind: kind for kind in UNEQUAL}, "pair": "public.pair"}
    things = Dimension({"id": "int", **kinds, "updated_at": "timestamptz"}, ("id",))
    events = Fact({"id": "int", **kinds, "at": "timestamptz"}, ("id",), "at")
    area = made(things, events, first="create type pair as (a json, b int)")
    old = [before for before, _ in UNEQUAL.values()]
    for number in range(len(UNEQUAL)):
        area.put(things, (number, *old, DAWN))
        area.put(events, (number, *old, NOON))
    area.run()
    for number, (column, (_, after)) in enumerate(UNEQUAL.items()):
        area.change(things, f'"{column}" = %s, updated_at = now()', [after], f"id = {number}")
        area.change(events, f'"{column}" = %s', [after], f"id = {number}")

    done = area.run()

    assert [hop.entities["things"].changed for hop in done.hops] == [6, 6, 12]
    assert [hop.entities["events"].updated for hop in done.hops] == [6, 6, 6]
    assert area.published(things) == without_stamp(area.sent(things))
    assert area.published(events) == area.sent(events)
    assert area.run().changed == 0
    assert area.differences() == []


def test_every_type_without_an_equality_is_compared_as_text(made: Make):
    area = made(Dimension({"id": "int", "updated_at": "timestamptz"}, ("id",)))
    kinds = """
        select oid::regtype::text from pg_type
        where
            typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
            and typcategory not in ('A', 'Z') and typname <> 'gtsvector'
    """
    without = []
    with area.servers.session("dwh", "test") as session:
        for (kind,) in session.rows(kinds):
            try:
                session.run(f"select null::{kind} is distinct from null::{kind}")
            except StatementError:
                without.append(kind)
    assert len(without) > 5
    assert [kind for kind in without if not Column("c", kind).is_compared_as_text] == []


def test_an_attribute_is_not_taken_for_a_column_of_the_timeline(made: Make):
    things = Dimension({"id": "int", "_rank": "text", "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    area.put(things, (1, "major", DAWN))

    with pytest.raises(ContractError) as raised:
        area.run()

    assert "public.dim_things has a column '_rank', a name that Tidemark keeps" in str(raised.value)
    assert area.published(things) == []


TOO_MUCH_FOR_JSONB = ['{"a": "\\u0000"}', '["\\ud800"]', "1e999999"]


def test_a_refused_row_is_kept_with_what_jsonb_can_not_hold(made: Make):
    kinds = {"id": "int", "a": "json", "b": "json", "updated_at": "timestamptz"}
    things = Dimension(kinds, ("id",))
    area = made(things)
    for number, value in enumerate(TOO_MUCH_FOR_JSONB):
        area.put(things, (number, value, '{"c": [1, null]}', "0044-03-15 12:00Z BC"))

    assert area.run().hops[1].entities["things"].rejected == len(TOO_MUCH_FOR_JSONB)
    kept = area.warehouse.rows(
        "stg", "select row_data -> 'a', row_data -> 'b' from stg_rejects order by key"
    )
    assert kept == [(value, {"c": [1, None]}) for value in TOO_MUCH_FOR_JSONB]


def test_json_within_another_type_is_kept_too(made: Make):
    things = Dimension({"id": "int", "a": "json[]", "updated_at": "timestamptz"}, ("id",))
    area = made(things)
    value = r'{"{\"a\": \"\\u0000\"}"}'
    area.put(things, (1, value, "0044-03-15 12:00Z BC"))

    assert area.run().hops[1].entities["things"].rejected == 1
    kept = area.warehouse.rows("stg", "select row_data ->> 'a' from stg_rejects")
    assert kept == [(value,)]


KEYS = [
    *[("NULL", ""), ("", "NULL"), (r"\N", " "), (" ", r"\N"), ("a,b", "c"), ("a", "b,c"), ("", "")],
    *[
        ("a\nb", "c"),
        ("a", "\nb"),
        ('"', "'"),
        ("{}", "%s"),
        ("%(a)s", "{a}"),
        ("A", "b"),
        ("a", "B"),
    ],
]


def test_keys_that_look_alike_are_told_apart(made: Make):
    things = Dimension({"a": "text", "b": "text", "updated_at": "timestamptz"}, ("a", "b"))
    events = Fact(
        {"id": "int", "a": "text", "b": "text", "at": "timestamptz"},
        ("id",),
        "at",
        {"thing_key": "things"},
    )
    area = made(things, events)
    area.put(things, *((*key, DAWN) for key in KEYS[::2]))  # the others are inferred
    area.put(events, *((n, *key, NOON) for n, key in enumerate(KEYS)), (99, "NULL", None, NOON))

    area.run()

    query = """
        select e.id, t.a, t.b, t.is_inferred from fact_events as e
        inner join dim_things as t using (thing_key) order by e.id
    """
    expected: list[tuple[Any, ...]] = [(n, *key, n % 2 == 1) for n, key in enumerate(KEYS)]
    assert area.warehouse.rows("dwh", query) == [*expected, (99, None, None, False)]
    area.put(things, *((*key, "now") for key in KEYS[1::2]))
    area.run()
    assert area.warehouse.rows("dwh", query) == [
        *[(n, *key, False) for n, key in enumerate(KEYS)],
        (99, None, None, False),
    ]
    assert area.differences() == []


LOCAL = {
    "at": "timestamptz",
    "local": "timestamp",
    "day": "date",
    "number": "float8",
    "span": "interval",
}


def test_servers_may_disagree_on_time_zones_formats_and_encodings(made: Make):
    """Around the hours that New York and London leave out or have twice, and at a month's end."""
    source = "encoding 'LATIN1' locale 'C' template template0"
    events = Fact({"id": "int", **LOCAL, "Straße": "text"}, ("id",), "at", dates={"day_key": "day"})
    area = made(events, source=source)
    odd = ["'America/New_York'", "'Asia/Kathmandu'", "'Europe/London'", "'Pacific/Apia'"]
    for layer, zone in zip(area.servers.dsns, odd, strict=True):
        for setting in (f"timezone = {zone}", "datestyle = 'SQL, DMY'", "extra_float_digits = 0"):
            area.warehouse.execute(layer, f"alter database made set {setting}")
    stamps = ["2025-03-09 06:59:59.999999Z", "2025-03-09 07:00Z", "2025-11-02 05:30Z"]
    stamps += ["2025-11-02 06:30Z", "2025-10-26 00:30Z", "2025-10-26 01:30Z", "2025-01-31 23:59Z"]
    for number, stamp in enumerate(stamps):
        row = (number, stamp, stamp[:19], stamp[:10], 0.1 + 0.2, "-1 day", "Größe ÿ")
        area.put(events, row)

    area.run()

    assert area.published(events) == area.sent(events)
    assert area.warehouse.rows("dwh", "select distinct number from fact_events") == [(0.1 + 0.2,)]
    query = "select day_key, tableoid::regclass::text from fact_events order by id"
    found = area.warehouse.rows("dwh", query)
    # On Citus it is a shard, whose name ends with its number.
    assert [(day, re.sub(r"_\d{6,}$", "", table)) for day, table in found] == [
        (int(s[:10].replace("-", "")), f"partitions.fact_events_{s[:7].replace('-', '_')}")
        for s in stamps
    ]
    assert area.differences() == []


IMPOSSIBLE = ["infinity", "-infinity", "0001-12-31 23:59Z BC", "294276-12-31", "9999-12-31", None]
INSTANT = "is missing, or not between 0001-01-01 and 9999-12-30"
OPEN = """
    select entity, (key ->> 'id')::int, reasons from stg_rejects where resolved_at is null
    order by entity, 2
"""


def test_times_that_have_no_place_in_the_star_are_rejected(made: Make):
    things = Dimension(
        {"id": "int", "noted": "timestamptz", "updated_at": "timestamptz"},
        ("id",),
        effective="noted",
    )
    events = Fact(
        {"id": "int", "at": "timestamptz", "day": "date"}, ("id",), "at", dates={"day_key": "day"}
    )
    area = made(things, events)
    area.put(things, *((n, at, DAWN) for n, at in enumerate(IMPOSSIBLE)))
    area.put(events, *((n, at, "2025-01-01") for n, at in enumerate(IMPOSSIBLE)))
    area.put(events, *((10 + n, NOON, at) for n, at in enumerate(IMPOSSIBLE[:4])))
    area.put(events, (20, "0001-01-01", "0001-01-01"), (21, "9999-12-30", "9999-12-31"))
    area.put(events, (22, NOON, None))

    area.run()

    day = "day is not between 0001-01-01 and 9999-12-31"
    assert area.warehouse.rows("stg", OPEN) == [
        *[("events", n, [f"at {INSTANT}"]) for n in range(6)],
        *[("events", n, [day]) for n in range(10, 14)],
        *[("things", n, [f"noted {INSTANT}"]) for n in range(6)],
    ]
    query = "select id, day_key from fact_events order by id"
    assert area.warehouse.rows("dwh", query) == [(20, 10101), (21, 99991231), (22, None)]
    assert area.differences() == []
    area.change(events, "at = '2025-01-01', day = '2025-01-01'")
    area.change(things, "noted = '2025-01-01', updated_at = now()")
    area.run()
    assert area.warehouse.rows("stg", OPEN) == []


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("stamp", ["infinity", "9999-12-31", "294276-01-01"])
def test_rows_that_are_never_old_enough_for_a_window_are_counted(made: Make, stamp: str):
    things = Dimension({"id": "int", "updated_at": "timestamptz not null"}, ("id",))
    area = made(things)
    area.put(things, (1, DAWN), (2, stamp), (3, stamp))

    with pytest.raises(NullWatermarkError) as raised:
        area.run()

    assert str(raised.value) == (
        "things: 2 rows have updated_at at infinity or after 9999-12-30, so no window would ever "
        "contain them. Backfill the column, or set `extract: full` in sql/made/area.yml."
    )


def test_a_full_extract_needs_no_watermark(made: Make):
    things = Dimension(
        {"id": "int", "noted": "timestamptz", "updated_at": "timestamptz"},
        ("id",),
        effective="noted",
        settings={"extract": "full"},
    )
    area = made(things)
    area.put(things, (1, DAWN, None), (2, DAWN, "infinity"))
    area.run()
    assert [row[0] for row in area.published(things)] == ["1", "2"]


def test_an_entity_may_have_the_name_of_another_s_work_table(made: Make):
    columns = {"id": "int", "at": "timestamptz"}
    names = ["events", "resolved_events", "cleaned_events", "timeline_events", "found_mrr_events"]
    feeds = [
        Fact(columns, ("id",), "at", entity=name, source=("public", name), mrr=f"mrr_{name}",
             stg=f"stg_{name}", table=f"fact_{name}")
        for name in names
    ]  # fmt: skip
    area = made(*feeds)
    for feed in feeds:
        area.put(feed, (1, NOON))
    area.run()
    for feed in feeds:
        area.change(feed, "at = '2025-01-06 12:00Z'")
    area.run()
    assert [area.published(feed) for feed in feeds] == [[("1", "2025-01-06 12:00:00+00")]] * 5
    assert area.differences() == []


def test_the_history_of_what_python_cannot_hold_is_shown(made: Make):
    columns = {"id": "int", "born": "date", "updated_at": "timestamptz"}
    area = made(things := Dimension(columns, ("id",)))
    area.put(things, (1, "0044-03-15 BC", DAWN))
    area.run()
    area.change(things, "born = 'infinity', updated_at = now()")
    area.run()
    found = history.read(area.servers, area.area, area.area.entity("things"), ["1"])
    assert found.only(["born"]) == [("0044-03-15 BC",), ("infinity",)]


def test_the_history_shows_values_as_postgresql_writes_them(made: Make):
    """In Python's spelling a month is 30 days, and bytes are those of an object in memory."""
    kinds = {"raw": "bytea", "tags": "text[]", "doc": "jsonb", "span": "interval"}
    columns = {"id": "int", **kinds, "updated_at": "timestamptz"}
    area = made(things := Dimension(columns, ("id",)))
    area.put(things, (1, b"\x00\xff", ["a b", None], '{"b": [1, null]}', "1 mon", DAWN))
    area.run()
    area.change(things, "span = '30 days', updated_at = now()")
    area.run()

    found = history.read(area.servers, area.area, area.area.entity("things"), ["1"])

    texts = ("\\x00ff", '{"a b",NULL}', '{"b": [1, null]}')
    assert found.only([*kinds]) == [(*texts, "1 mon"), (*texts, "30 days")]
    first = {"raw": "\\x00ff", "tags": ["a b", None], "doc": {"b": [1, None]}, "span": "1 mon"}
    assert first.items() <= found.records()[0].items()


READ = [
    ("'infinity'::date", "infinity"),
    ("'-infinity'::timestamptz", "-infinity"),
    ("'294276-01-01'::timestamp", "294276-01-01 00:00:00"),
    ("'178000000 years'::interval", "178000000 years"),
    ("'1 day'::interval", timedelta(1)),
    ("'{0044-03-15 BC,2025-01-01}'::date[]", ["0044-03-15 BC", date(2025, 1, 1)]),
    ("null::date", None),
    ("('1' || repeat('0', 5000))::jsonb", "1" + "0" * 5000),
    ("'[0.1234567890123456789, 1.50, 12]'::jsonb", ["0.1234567890123456789", 1.5, 12]),
]


@pytest.mark.parametrize(("expression", "expected"), READ)
def test_what_python_cannot_hold_is_read_as_text(
    templates: dict[Any, str], expression: str, expected: object
):
    session = sessions.connect(templates["stg"], "stg", purpose="test", as_etl=False)
    assert session.value(f"select {expression}") == expected
    session.close()
