"""The events of the area of assets: what the days have, and that they are always the same."""

from collections import Counter
from datetime import timedelta

import pytest

from sql.assets.sample import days
from sql.assets.sample.days import FIRST_DAYS, Start, make
from tests.fix_servers import HOME
from tidemark.declare import payload
from tidemark.declare.project import Project
from tidemark.install.posting import Event

START = Start(random_seed=1, scale=1)
TIMES = ("upload_timestamp", "transaction_timestamp")


def first_days(start: Start = START) -> list[Event]:
    return [one for day in FIRST_DAYS for one in make(start, day)]


def at(event: Event) -> str:
    return str(next(event.said[name] for name in TIMES if name in event.said))


def test_the_first_days_have_the_inventory():
    posted = first_days()
    distinct = {one.event_id: one for one in posted}
    assert (len(posted), len(distinct)) == (723, 688)
    assert Counter(one.kind for one in distinct.values()) == {
        "asset_uploaded": 286,
        "asset_purchased": 362,
        "asset_transferred": 40,
    }
    marks = Counter(one[-1] for one in distinct if one[-1].isalpha())
    assert marks == {"L": 84, "D": 35, "B": 14, "F": 7, "R": 7}


def test_a_day_follows_from_the_seed_and_its_date():
    assert first_days() == first_days()
    assert first_days(Start(2, 1)) != first_days()
    later = FIRST_DAYS[-1] + timedelta(days=1)
    assert {one.event_id for one in make(START, later)}.isdisjoint(
        one.event_id for one in first_days()
    )


def test_a_greater_scale_has_as_many_times_more_events():
    many = len({one.event_id for one in first_days(Start(1, 10))})
    assert many == pytest.approx(6880, rel=0.05)


def test_the_asset_of_the_document_is_bought_on_the_first_day():
    found = [one.said for one in make(START, FIRST_DAYS[0]) if "123" in str(one.said["s3_key"])]
    assert [said.get("user_nk") for said in found] == [None, "user456"]
    assert (found[1]["credits_spent"], found[1]["transaction_timestamp"]) == (
        100,
        "2023-10-15T14:45:00+00:00",
    )


def test_some_assets_are_bought_before_their_uploads_come():
    posted = first_days()
    bought = [one.said["s3_key"] for one in posted if one.event_id.endswith("B")]
    places = {one.said["s3_key"]: place for place, one in enumerate(posted) if "-U" in one.event_id}
    for place, one in enumerate(posted):
        if one.event_id.endswith("B"):
            assert places.get(one.said["s3_key"], len(posted)) > place
    assert len(bought) == 14


def test_the_last_day_is_read_off_the_greatest_id():
    assert days.last(max(one.event_id for one in first_days())) == FIRST_DAYS[-1]
    assert days.last(None) is None


def test_every_event_is_as_it_is_declared():
    area = Project(HOME).area("assets")
    models = {
        one.events.event: payload.model(one.events, name)
        for name, one in area.entities.items()
        if one.events
    }
    for one in first_days():
        models[one.kind].model_validate(dict(one.said))
