"""The files of the events area: the inventory of the first days, and what a day brings."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from sql.events.sample import days, files, lines, seed
from sql.events.sample.lines import Event
from sql.events.sample.sessions import STEPS
from tidemark.errors import ConfigError

Play = Callable[..., dict[str, int]]
INVENTORY = {"files": 139, "lines": 2788}
BACK_OFFICE = {"order_fulfilled", "order_cancelled", "order_refunded"}


def quiet(_label: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return lambda **options: seed(tmp_path, progress=quiet, **options)


@dataclass(frozen=True)
class Line:
    path: str
    text: str

    @cached_property
    def event(self) -> Event:
        return lines.event(self.text)

    @property
    def event_id(self) -> str:
        return str(self.event["event_id"])

    @property
    def folder(self) -> datetime:
        """The hour in whose folder the file is."""
        return datetime.strptime(self.path[11:24], "%Y/%m/%d/%H").replace(tzinfo=UTC)

    @property
    def written(self) -> date:
        """The day on which the file was written."""
        _, late, number = self.path.removesuffix(".json.gz").rpartition("late_")
        return self.folder.date() + timedelta(days=int(number) if late else 0)

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.event["event_timestamp"])


def read(folder: Path) -> list[Line]:
    """Return the lines of all files, in the order of their paths."""
    return [
        Line(str(path.relative_to(folder)), text)
        for path in sorted(folder.rglob("*.json.gz"))
        for text in files.read(path)
    ]


def content(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def is_malformed(line: Line) -> bool:
    """Whether the line is marked as malformed, or has no id."""
    return not lines.has_id(line.text) or line.text[:30].partition(", ")[0].endswith('X"')


@dataclass(frozen=True)
class History:
    lines: list[Line]

    @cached_property
    def good(self) -> list[Line]:
        return [one for one in self.lines if not is_malformed(one)]

    @property
    def malformed(self) -> list[str]:
        return [one.text for one in self.lines if is_malformed(one)]

    def marked(self, mark: str) -> list[list[Line]]:
        """Return the lines of each event whose id ends so."""
        return grouped((one.event_id, one) for one in self.good if one.event_id.endswith(mark))

    def orders(self, mark: str = "") -> list[list[Line]]:
        """Return the lines of each order whose id ends so."""
        of_orders = (one for one in self.good if "order" in one.event)
        named = ((one.event["order"]["order_id"], one) for one in of_orders)
        return grouped((key, one) for key, one in named if key.endswith(mark))


def grouped(named: Iterator[tuple[str, Line]]) -> list[list[Line]]:
    groups = defaultdict[str, list[Line]](list)
    for key, line in named:
        groups[key].append(line)
    return [*groups.values()]


@pytest.fixture(scope="module", params=[1, 2, 3])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The first days and a day more, of some random seeds."""
    folder = tmp_path_factory.mktemp("events")
    for day in (False, True):
        seed(folder, random_seed=request.param, day=day, progress=quiet)
    return History(read(folder))


def value(order: Event) -> Decimal:
    items = (item["product"]["price"] * item["quantity"] for item in order["items"])
    return sum(items, Decimal(order["tax"] + order["shipping"]))


def test_the_first_days_have_the_inventory(tmp_path: Path, play: Play):
    assert play() == INVENTORY
    found = read(tmp_path)
    assert len(found) == INVENTORY["lines"]
    assert sorted({str(one.folder.date()) for one in found}) == [
        f"2025-11-{n:02}" for n in range(3, 10)
    ]
    good = [one for one in found if not is_malformed(one)]
    marks = Counter(one.event_id[-1] for one in good if not one.event_id[-1].isdigit())
    assert marks == {"C": 13, "D": 28, "F": 7, "L": 161, "R": 13}
    assert len(found) - len(good) == 35


def test_events_come_again_in_a_file_and_on_the_next_day(history: History):
    doubled = history.marked("D")
    assert [len({*map(id, found)}) for found in doubled] == [2] * len(doubled) == [2] * 16
    assert all(len({*found}) == 1 for found in doubled)
    repeated = [found for found in history.marked("R") if len(found) == 2]
    assert len(repeated) == 7
    for first, again in repeated:
        assert again.text == first.text
        assert again.written - first.written == timedelta(days=1)


def test_a_correction_has_the_id_of_what_it_corrects(history: History):
    corrected = [found for found in history.marked("C") if len(found) == 2]
    assert len(corrected) == 7
    for first, right in corrected:
        assert right.written - first.written == timedelta(days=1)
        assert right.path > first.path
        assert {**right.event, "order": None} == {**first.event, "order": None}
        assert right.event["order"]["total_amount"] > first.event["order"]["total_amount"]


def test_late_events_are_in_the_folder_of_their_hour(history: History):
    late = [one for one in history.good if "late" in one.path]
    assert [one for one in history.good if one.event_id.endswith("L")] == late
    assert {(one.written - one.at.date()).days for one in late} == {1, 2, 5}
    assert max(one.written for one in late) == date(2025, 11, 10)
    assert all(one.folder == one.at.replace(minute=0, second=0, microsecond=0) for one in late)


def test_an_order_may_end_before_it_begins(history: History):
    orders = [found for found in history.orders("O") if len(found) == 2]
    assert len(orders) == 6
    for fulfilled, placed in orders:
        kinds = [one.event["event_type"] for one in (fulfilled, placed)]
        assert kinds == ["order_fulfilled", "order_placed"]
        assert fulfilled.written < placed.written
        assert placed.at < fulfilled.at


def test_an_order_may_lose_an_item_or_have_a_product_twice(history: History):
    for placed, *later in history.orders("I"):
        for event in (one.event for one in later):
            assert event["order"]["items"] == placed.event["order"]["items"][:-1] != []
    assert sum(len(found) > 1 for found in history.orders("I")) > 3
    for line in (one for found in history.orders() for one in found):
        order = line.event["order"]
        times = Counter(item["product"]["id"] for item in order["items"]).values()
        assert max(times) == (2 if order["order_id"].endswith("T") else 1)
    assert len(history.orders("T")) == 8


def test_malformed_lines_are_so_in_five_ways(history: History):
    found: Counter[str] = Counter()
    for text in history.malformed:
        try:
            event = json.loads(text)
        except ValueError:
            found["broken"] += 1
            continue
        found["id"] += "event_id" not in event
        found["total"] += event["order"]["total_amount"] == "n/a"
        found["time"] += event["event_timestamp"] == "yesterday"
        found["quantity"] += event["order"]["items"][0]["quantity"] == 0
    assert found == dict.fromkeys(("broken", "id", "total", "time", "quantity"), 8)


def test_only_marked_events_are_in_the_future(history: History):
    ahead = [one for one in history.good if one.at > one.folder + timedelta(days=365)]
    assert [one for (one,) in history.marked("F")] == ahead
    assert len(ahead) == 8
    assert min(one.at.year for one in ahead) == 2075


def test_only_marked_customers_change_their_email_or_country(history: History):
    said = defaultdict[str, set[tuple[str, str]]](set)
    for line in history.good:
        if customer := line.event.get("customer"):
            said[customer["customer_id"]].add((customer["email"], customer["country"]))
    for key, states in said.items():
        emails, countries = ({*each} for each in zip(*states, strict=True))
        assert (len(emails) > 1, len(countries) > 1) == (key.endswith("E"), key.endswith("M"))
    marks = Counter(key[-1] for key in said)
    assert (marks["E"], marks["M"]) == (3, 3)


def test_good_orders_add_up_to_the_cent(history: History):
    orders = [one for found in history.orders() for one in found]
    assert len(orders) > 300
    for line in orders:
        assert line.event["order"]["total_amount"] == value(line.event["order"])
        assert f'"total_amount": {value(line.event["order"]):.2f},' in line.text


def test_orders_go_on_for_some_days(history: History):
    ends = Counter[tuple[str, ...]]()
    for found in history.orders():
        kinds = {one.event["event_type"]: one for one in found}
        if "order_placed" in kinds:
            times = [one.at for one in sorted(kinds.values(), key=lambda one: one.at)]
            ends[tuple(sorted(kinds))] += 1
            assert kinds["order_placed"].at == times[0]
            assert max(times) - times[0] < timedelta(days=14)
        for kind, line in kinds.items():
            assert line.event["order"]["status"] == kind.removeprefix("order_")
    assert {*ends} == {
        ("order_placed",),
        ("order_fulfilled", "order_placed"),
        ("order_cancelled", "order_placed"),
        ("order_fulfilled", "order_placed", "order_refunded"),
    }
    assert ends["order_fulfilled", "order_placed"] == max(ends.values())


def test_most_only_look_and_some_order(history: History):
    sessions = defaultdict[str, list[Event]](list)
    for line in history.good:
        if session_id := line.event.get("session_id"):
            sessions[session_id].append(line.event)
        assert ("session" in line.event) == (line.event["event_type"] not in BACK_OFFICE)
    reached = Counter(
        max(STEPS.index(event["event_type"]) for event in events) for events in sessions.values()
    )
    looked, carts, checkouts = reached[0] + reached[1], reached[2], reached[3]
    assert looked > carts > checkouts > 20
    known = [{"customer" in event for event in events} for events in sessions.values()]
    ways: list[set[Any]] = [{True}, {False}, {True, False}]
    assert [way for way in ways if known.count(way) < 20] == []


def test_there_are_customers_of_every_segment(history: History):
    bought = Counter(
        one.event["customer"]["customer_id"]
        for one in history.good
        if one.event["event_type"] == "order_fulfilled"
    )
    counts = sorted(bought.values())
    assert sum(count > 10 for count in counts) >= 2
    assert sum(5 <= count <= 10 for count in counts) >= 2
    assert sum(count < 5 for count in counts) > 20


def test_an_event_is_in_the_folder_of_its_hour_unless_it_comes_again(history: History):
    elsewhere = [one for one in history.good if abs(one.at - one.folder) >= timedelta(hours=1)]
    marks = Counter(one.event_id[-1] for one in elsewhere if not one.event_id[-1].isdigit())
    assert marks == {"C": 7, "F": 8, "R": 7}
    out_of_order = [one for one in elsewhere if one.event_id[-1].isdigit()]
    assert {one.event["order"]["order_id"][-1] for one in out_of_order} == {"O"}


def test_a_file_is_in_the_order_of_time(history: History):
    for found in grouped((one.path, one) for one in history.good):
        times = [one.at for one in found if abs(one.at - one.folder) < timedelta(hours=1)]
        assert times == sorted(times)


def test_a_day_goes_on_with_the_orders_of_days_before(tmp_path: Path, play: Play):
    play()
    before = content(tmp_path)
    assert play(day=True) == {"files": 21, "lines": 457}
    after = content(tmp_path)
    added = after.keys() - before.keys()
    assert before.items() <= after.items()
    own = {path for path in added if path.startswith("raw-events/2025/11/10/")}
    late = {path[11:21] + path[24:] for path in added - own}
    assert late == {
        "2025/11/09/events_late_001.json.gz",
        "2025/11/08/events_late_002.json.gz",
        "2025/11/05/events_late_005.json.gz",
    }
    goes_on = (one for one in read(tmp_path) if one.path in own)
    ended = {one.event["order"]["order_id"][:7] for one in goes_on if '"order_ful' in one.text}
    assert ended >= {"O251107", "O251108", "O251109"}


def test_a_day_is_the_same_whether_it_is_made_with_others_or_alone(tmp_path: Path):
    for day in (False, True, True):
        seed(tmp_path / "a", random_seed=4, day=day, progress=quiet)
    dates = [days.FIRST_DAYS[0] + timedelta(days=n) for n in range(9)]
    made = days.make(days.Start(4, 1), dates, ())
    files.write(tmp_path / "b", made, quiet, days=9)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_the_same_random_seed_gives_the_same_files(tmp_path: Path):
    def made(folder: str, **options: int) -> dict[str, bytes]:
        for day in (False, True):
            seed(tmp_path / folder, day=day, progress=quiet, **options)
        return content(tmp_path / folder)

    first = made("a", random_seed=5)
    assert made("b", random_seed=5) == first
    other = made("c", random_seed=6).items()
    assert [path for path, data in other if data == first.get(path)] == []


def test_ten_times_the_scale_is_ten_times_the_lines(play: Play):
    assert play(scale=10)["lines"] == pytest.approx(10 * INVENTORY["lines"], rel=0.1)


def test_nobody_sees_half_a_file(tmp_path: Path, play: Play):
    def interrupt(_label: str, done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(tmp_path, progress=interrupt)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".writing"}
    assert play() == INVENTORY


def test_files_that_are_there_are_not_made_again(play: Play):
    play()
    with pytest.raises(
        ConfigError, match=r"there are files already \(up to 2025-11-09\), .* --day"
    ):
        play()


def test_the_day_after_nothing_is_the_first_one(play: Play):
    assert play(day=True) == INVENTORY
