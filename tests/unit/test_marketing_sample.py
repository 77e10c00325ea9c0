"""The files of the marketing area: the inventory of the first days, and what a day brings."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from sql.marketing.sample import drops, seed
from sql.marketing.sample.drops import Drop, Event
from tidemark.errors import ConfigError

Play = Callable[..., dict[str, int]]
INVENTORY = {"customers": 2179, "events": 1818}


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return lambda **options: seed(tmp_path, progress=lambda label, done, total: None, **options)


def read(folder: Path) -> list[Drop]:
    """Return the files of all days."""
    return [drops.read(folder, day) for day in drops.dates(folder)]


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in files}


def spelled(event: Event) -> str:
    return json.dumps(event, sort_keys=True)


def test_the_first_days_have_the_inventory(tmp_path: Path, play: Play):
    assert play() == INVENTORY
    days = read(tmp_path)
    assert [str(day.date) for day in days] == [f"2024-07-{n}" for n in range(10, 17)]
    assert [len(day.customers) for day in days] == [300, 304, 308, 311, 315, 319, 322]
    ids = [event["event_id"] for day in days for event in day.events]
    assert ids.count(None) == 7
    marks = Counter(one[-1] for one in {*ids} if one and not one[-1].isdigit())
    assert marks == {"X": 35, "L": 36}


@pytest.mark.parametrize("random_seed", [1, 2, 3])
def test_each_day_shows_some_events_again_and_some_late(
    tmp_path: Path, play: Play, random_seed: int
):
    play(random_seed=random_seed)
    play(random_seed=random_seed, day=True)
    days = read(tmp_path)
    before: set[str] = set()
    for day in days:
        shown = Counter(map(spelled, day.events))
        assert sum(count - 1 for count in shown.values()) >= 3, "doubled in the file"
        is_first = day is days[0]
        assert len(shown.keys() & before) == (0 if is_first else 2)
        late = [one for one in day.events if str(one["event_id"]).endswith("L")]
        assert bool(late) != is_first
        assert all(one["timestamp"] < str(day.date) for one in late)
        before |= shown.keys()


def test_a_malformed_event_comes_again_corrected(tmp_path: Path, play: Play):
    play()
    days = read(tmp_path)
    for last, day in pairwise(days):
        (wrong,) = (one for one in last.events if one["event_type"] == "hover")
        (right,) = (one for one in day.events if one["event_id"] == wrong["event_id"])
        assert right == wrong | {"event_type": "click"}


def test_only_those_who_have_just_joined_or_left_are_unknown(tmp_path: Path, play: Play):
    for is_later in (False, True, True):
        play(day=is_later)
    *days, last = read(tmp_path)
    ever = {int(one["customer_id"]) for day in (*days, last) for one in day.customers}
    for day, following in zip(days, [*days[1:], last], strict=True):
        there = {int(one["customer_id"]) for one in day.customers}
        new = {int(one["customer_id"]) for one in following.customers} - there
        users = {int(one["user_id"]) for one in day.events if one["user_id"] not in (None, "guest")}
        assert users <= ever
        assert len(users & new) == 1
        assert len(new) == 4


def test_a_day_follows_from_the_files_alone(tmp_path: Path, play: Play):
    play()
    before = content(tmp_path)
    assert play(day=True)["customers"] == 326
    after = content(tmp_path)
    assert after.keys() - before.keys() == {
        "customers/2024-07-17.csv",
        "clickstream/2024-07-17/events.json",
    }
    assert before.items() <= after.items()


def test_the_same_random_seed_gives_the_same_files(tmp_path: Path):
    def quiet(_label: str, _done: int, _total: int) -> None:
        pass

    def made(folder: str, **options: int) -> dict[str, str]:
        for day in (False, True):
            seed(tmp_path / folder, day=day, progress=quiet, **options)
        return content(tmp_path / folder)

    first = made("a", random_seed=5)
    assert made("b", random_seed=5) == first
    assert [path for path, text in made("c", random_seed=6).items() if text == first[path]] == []


def test_ten_times_the_scale_is_ten_times_the_rows(play: Play):
    counts = play(scale=10)
    assert counts["customers"] == 10 * INVENTORY["customers"]
    assert counts["events"] == pytest.approx(10 * INVENTORY["events"], rel=0.1)


def test_nobody_sees_half_a_file(tmp_path: Path, play: Play):
    def interrupt(_label: str, done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(tmp_path, progress=interrupt)
    assert [path for path in content(tmp_path) if not path.endswith(".writing")] == []
    assert play() == INVENTORY


def test_files_that_are_there_are_not_made_again(play: Play):
    play()
    with pytest.raises(
        ConfigError, match=r"there are files already \(up to 2024-07-16\), .* --day"
    ):
        play()


def test_the_day_after_nothing_is_the_first_one(play: Play):
    assert play(day=True) == INVENTORY
