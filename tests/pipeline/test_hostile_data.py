"""What a source may hold, however odd, arrives as it is, or is refused with a reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Make
from tidemark import db, history
from tidemark.errors import NullWatermarkError

DAWN, NOON = "2025-01-01", "2025-01-05 12:00Z"


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
    assert area.warehouse.rows("dwh", query) == [
        (int(s[:10].replace("-", "")), f"partitions.fact_events_{s[:7].replace('-', '_')}")
        for s in stamps
    ]


IMPOSSIBLE = ["infinity", "-infinity", "0001-12-31 23:59Z BC", "294276-12-31", "9999-12-31", None]
INSTANT = "is missing, or not between 0001-01-01 and 9999-12-30"
OPEN = """
    select entity, (key ->> 'id')::int, reasons from stg_rejects where resolved_at is null
    order by entity, 2
"""


def test_times_that_have_no_place_in_the_star_are_rejected(made: Make):
    things = Dimension(
        {"id": "int", "seen": "timestamptz", "updated_at": "timestamptz"},
        ("id",),
        effective="seen",
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
        *[("things", n, [f"seen {INSTANT}"]) for n in range(6)],
    ]
    query = "select id, day_key from fact_events order by id"
    assert area.warehouse.rows("dwh", query) == [(20, 10101), (21, 99991231), (22, 0)]
    area.change(events, "at = '2025-01-01', day = '2025-01-01'")
    area.change(things, "seen = '2025-01-01', updated_at = now()")
    area.run()
    assert area.warehouse.rows("stg", OPEN) == []


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
        {"id": "int", "seen": "timestamptz", "updated_at": "timestamptz"},
        ("id",),
        effective="seen",
        settings={"extract": "full"},
    )
    area = made(things)
    area.put(things, (1, DAWN, None), (2, DAWN, "infinity"))
    area.run()
    assert [row[0] for row in area.published(things)] == ["1", "2"]


def test_the_history_of_what_python_cannot_hold_is_shown(made: Make):
    columns = {"id": "int", "born": "date", "updated_at": "timestamptz"}
    area = made(things := Dimension(columns, ("id",)))
    area.put(things, (1, "0044-03-15 BC", DAWN))
    area.run()
    area.change(things, "born = 'infinity', updated_at = now()")
    area.run()
    found = history.read(area.servers, area.area, area.area.entity("things"), ["1"])
    assert found.only(["born"]) == [("0044-03-15 BC",), ("infinity",)]


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
    session = db.connect(templates["stg"], "stg", purpose="test", as_etl=False)
    assert session.value(f"select {expression}") == expected
    session.close()
