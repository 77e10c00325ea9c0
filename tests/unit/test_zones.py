"""Columns that say when, as area.yml and the catalogs name them: in which zone they are read."""

from __future__ import annotations

from typing import Any

import pytest

from tidemark.declare.config import Area
from tidemark.errors import ContractError
from tidemark.layers import dating
from tidemark.model import Column, Table
from tidemark.sources import tables

TIMESTAMP, INSTANT = "timestamp without time zone", "timestamp with time zone"
ZONELESS = "which does not say in which zone. Add `watermark_zone: UTC`, or another IANA name, to "


def area(**entity: Any) -> Area:
    named = {"source": "things", "key": ["id"], "watermark": "at", **entity}
    return Area.model_validate({"area": "made", "entities": {"things": named}})


@pytest.mark.parametrize(
    ("kind", "zone", "said"),
    [
        (TIMESTAMP, None, ZONELESS),
        ("date", None, ZONELESS),
        (INSTANT, "UTC", "an instant in any zone. Take `watermark_zone` out of "),
        (
            "bigint",
            None,
            "and a window needs timestamptz, timestamp or date, or a number of which you name the "
            "`watermark_sequence`. Name another column",
        ),
    ],
)
def test_a_watermark_says_when_and_in_which_zone(kind: str, zone: str | None, said: str):
    made = area(watermark_zone=zone)
    table = Table("public.things", (Column("id", "integer"), Column("at", kind)))
    with pytest.raises(ContractError) as raised:
        tables.watermarks(made, {"things": table}, {})
    where = "entities.things of sql/made/area.yml."
    assert str(raised.value).startswith(
        f"operational: the watermark public.things.at is {kind}, {said}"
    )
    assert kind == "bigint" or str(raised.value).endswith(where)


@pytest.mark.parametrize(
    ("kind", "event_time", "dates", "said"),
    [
        (INSTANT, "at at Asia/Tokyo", {}, "needs no zone to read it. Leave `at Asia/Tokyo` out."),
        (
            TIMESTAMP,
            "at",
            {"day": "at at Asia/Tokyo"},
            "takes a day of it as it is. Leave `at Asia/Tokyo` out.",
        ),
        ("date", "at", {"day": "at at UTC"}, "takes a day of it as it is. Leave `at UTC` out."),
    ],
)
def test_a_zone_that_changes_nothing_is_refused(
    kind: str, event_time: str, dates: dict[str, str], said: str
):
    made = area(fact={"table": "fact_things", "event_time": event_time, "dates": dates})
    table = Table("public.stg_things", (Column("at", kind),))
    what = "fact.dates" if dates else "fact.event_time"
    [problem] = dating.wrong(made, made.entities["things"], table)
    assert str(problem) == (
        f"stg: column 'at' is {kind} in public.stg_things, and {what} of entities.things in "
        f"sql/made/area.yml {said}"
    )


@pytest.mark.parametrize(
    ("kind", "event_time", "watermark_zone", "read"),
    [
        (INSTANT, "on", None, "on"),
        (INSTANT, "on", "Asia/Tokyo", "on"),
        (TIMESTAMP, "on", None, "on"),
        (TIMESTAMP, "on", "Asia/Tokyo", "on at Asia/Tokyo"),
        ("date", "on at Europe/Berlin", "Asia/Tokyo", "on at Europe/Berlin"),
        ("date", "on at UTC", "Asia/Tokyo", "on"),
    ],
)
def test_a_time_without_a_zone_is_read_in_its_own_or_that_of_the_watermark_or_utc(
    kind: str, event_time: str, watermark_zone: str | None, read: str
):
    fact = {"table": "fact_things", "event_time": event_time}
    entity = area(fact=fact, watermark_zone=watermark_zone).entities["things"]
    assert str(dating.dated_by(entity, [Column("on", kind)])) == read
