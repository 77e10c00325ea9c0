"""What a source may hold, however odd, arrives as it is, or is refused with a reason."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.fix_areas import Dimension, Fact, Make
from tidemark import db, history

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
