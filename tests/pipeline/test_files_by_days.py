"""Listing by days: a lookback bounds what is listed in each batch, and not what is ever taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fix_buckets import Answering, asked_by, partner, put_at_once
from tests.fix_files import Drop, Dropped, csv_text, dropping, with_files
from tests.further import tries
from tidemark import sources
from tidemark.batch import pipeline
from tidemark.errors import ConnectError
from tidemark.layers import positions
from tidemark.model import Overrides, ServerName
from tidemark.observe import plan
from tidemark.postgres import retries
from tidemark.sources.files import listing

FILES = "things/{date:%Y/%m/%d/%H}/*.csv"
HOURLY = {"source": {"files": FILES, "lookback": "3d"}, "key": ["id"]}
DAILY = {
    "source": {
        "files": "things/{date:%Y-%m-%d}/*.csv",
        "lookback": "3d",
        "ready_when": "_SUCCESS",
    },
    "key": ["id"],
    "deletes": "detect",
    "max_delete_ratio": 0.5,
}
NOW = datetime.now(UTC)
OWN = "tidemark.source_position where entity = 'things' and item = ''"


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few files be too many to list all of them each time."""
    monkeypatch.setattr(listing, "PAGE", 0)


def at(days: int, name: str = "1.csv", spelled: str = "%Y/%m/%d/05") -> str:
    """Return the path of a file in the folder of a day, so many ago."""
    return f"things/{NOW - timedelta(days=days):{spelled}}/{name}"


def day(days: int, *rows: Sequence[object]) -> dict[str, str]:
    """Return a set of one file, with the marker that says that it is there."""
    return {at(days, "1.csv", "%Y-%m-%d"): csv_text(*rows), at(days, "_SUCCESS", "%Y-%m-%d"): ""}


def make_due(area: Dropped) -> None:
    """Let the last listing of all files be older than a day."""
    older = f"to_jsonb('{NOW - timedelta(hours=25)}'::timestamptz)"
    changed = f"position = jsonb_set(position, array['whole', 'at'], {older})"
    area.warehouse.execute("mrr", f"update {OWN.replace(' where', f' set {changed} where')}")


def own(area: Dropped, key: str) -> Any:
    ((found,),) = area.warehouse.rows("mrr", f"select position ->> '{key}' from {OWN}")
    return found


def paths(area: Dropped) -> list[str]:
    return [path for (path,) in area.files("path")]


def test_a_late_file_of_the_lookback_comes_next_and_an_older_one_when_all_are_listed(
    dropped: Drop,
):
    area = dropped({at(0): csv_text((1, "a"))}, entities={"things": HOURLY})
    area.run()
    area.drop(at(2), csv_text((2, "late")))
    area.drop(at(-1), csv_text((3, "of a clock that is ahead")))
    old = area.drop(at(180), csv_text((4, "old")))
    for _ in range(2):
        done = area.run()
    assert paths(area) == sorted([at(0), at(2), at(-1)])
    make_due(area)
    done = area.run()
    assert ("4", "old") in area.mrr()
    (remark,) = done.hops[0].entities["things"].remarks
    assert f"{old.relative_to(area.drops)} came late, behind" in remark
    assert area.run().changed == 0
    assert area.differences() == []


def test_a_plan_lists_what_the_next_run_lists_and_verify_all(dropped: Drop):
    area = dropped({at(0): csv_text((1, "a"))}, entities={"things": HOURLY})
    area.run()
    area.drop(at(180), csv_text((4, "old")))
    area.drop(at(1), csv_text((2, "new")))
    planned = plan.make(area.servers, area.area)
    assert planned.entities[0].items == [at(1)]
    new = "things: 2 files are new, and come at the latest when all files are listed again"
    assert new in area.verified().notes
    make_due(area)
    assert plan.make(area.servers, area.area).entities[0].items == [at(180), at(1)]


@pytest.mark.parametrize("what", ["pattern", "url", "refresh"])
def test_all_files_are_listed_where_the_last_listing_was_of_others(dropped: Drop, what: str):
    area = dropped({at(0): csv_text((1, "a"))}, entities={"things": HOURLY})
    area.run()
    area.drop(at(180), csv_text((4, "old")))
    overrides = Overrides(refresh=frozenset({"things"} if what == "refresh" else ()))
    if what == "pattern":
        area.area = with_files(area.area, "things", files="things/{date:%Y/%m/%d}/**/*.csv")
    if what == "url":
        area.drops.rename(area.drops.with_name("moved"))
        source = area.area.source.model_copy(update={"url": "moved"})
        area.area = area.area.model_copy(update={"source": source})
    pipeline.run(area.servers, area.area, overrides=overrides)
    assert paths(area) == sorted([at(0), at(180)])


def test_a_person_may_take_an_old_file_again(dropped: Drop):
    files = {at(180): csv_text((4, "old")), at(0): csv_text((1, "a"))}
    area = dropped(files, entities={"things": HOURLY})
    area.run()
    area.warehouse.execute("mrr", "update mrr_things set v = 'forged' where id = '4'")
    repaired = Overrides(repair=area.verified().repair())
    pipeline.run(area.servers, area.area, overrides=repaired)
    assert ("4", "old") in area.mrr()
    retried = Overrides(retry=frozenset({at(180)}))
    done = pipeline.run(area.servers, area.area, overrides=retried)
    assert done.hops[0].entities["things"].processed == 1


def test_the_mark_moves_only_when_all_files_are_listed(dropped: Drop):
    area = dropped({at(0): csv_text((1, "a"))}, entities={"things": HOURLY})
    area.run()
    high, clock = own(area, "high"), own(area, "clock")
    area.drop(at(1), csv_text((2, "late")))
    area.run()
    assert (own(area, "high"), own(area, "clock") > clock) == (high, True)
    make_due(area)
    area.run()
    assert own(area, "high") > high


def test_only_positions_of_listed_files_are_read(dropped: Drop, monkeypatch: pytest.MonkeyPatch):
    area = dropped({at(180): csv_text((4, "old"))}, entities={"things": HOURLY})
    area.run()
    area.area = with_files(area.area, "things", ready_when=".done")
    read: list[Any] = []
    real = positions.read

    def noted(*args: Any, **named: Any) -> Any:
        read.append(real(*args, **named))
        return read[-1]

    monkeypatch.setattr(sources.files, "positions_of", noted)
    area.drop(at(0), csv_text((1, "a")))
    for _ in range(2):  # The file waits for its marker, so nothing stands for the listing.
        area.run()
    for days in (0, 1):
        area.drop(at(days), csv_text((days, "a")))
        area.drop(at(days, "1.csv.done"), "")
        area.run()
    found = [path for one in read for path in one.get("things", ())]
    assert (len(read), found) == (4, [at(0)])
    assert paths(area) == sorted([at(180), at(0), at(1)])


def test_days_that_are_no_folders_have_no_files(dropped: Drop):
    area = dropped({at(180): csv_text((4, "old"))}, entities={"things": HOURLY})
    area.run()
    elsewhere = area.drop("elsewhere/05/1.csv", csv_text((5, "linked"))).parents[1]
    area.drop(at(1, "", "%Y/%m").rstrip("/") + "/x", "")
    (area.drops / at(1, "", "%Y/%m/%d")).symlink_to(elsewhere)
    area.drop(at(0, "", "%Y/%m/%d").rstrip("/"), "no folder")
    assert area.run().changed == 0
    make_due(area)
    area.run()
    assert paths(area) == [at(180)]


def test_a_set_deletes_what_it_lacks_and_nothing_that_is_only_not_listed(dropped: Drop):
    area = dropped(day(180, (1, "a"), (2, "b"), (3, "c")), entities={"things": DAILY})
    area.run()
    for path, text in day(1, (1, "a"), (2, "b")).items():
        area.drop(path, text)
    area.run()
    assert area.mrr("id") == [("1",), ("2",)]
    # A refused row is not gone, and a new key is no reason to look for others.
    for path, text in day(0, (1, "a"), (9, "new"), (2, "b", "wide")).items():
        area.drop(path, text)
    (area.drops / at(1, "1.csv", "%Y-%m-%d")).unlink()
    area.run()
    assert area.mrr("id") == [("1",), ("2",), ("9",)]


def test_a_bucket_gets_a_request_for_each_day_and_all_when_it_is_due(
    dropped: Drop, s3: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    partner(s3, "years").put(f"in/{at(0)}", csv_text((1, "a")))
    for days in range(1, 3 * 365):
        for number in range(2):
            put_at_once("years", f"in/{at(days, f'{number}.txt')}")
    area = dropped({}, entities={"things": HOURLY}, url="s3://years/in")
    area.run()
    put_at_once("years", f"in/{at(2, 'late.csv')}")
    put_at_once("years", f"in/{at(180, 'old.csv')}")
    with asked_by(s3) as asked:
        area.run()
    assert len([one for one in asked if "list-type=2" in one]) == 5
    make_due(area)
    with asked_by(s3) as asked:
        area.run()
    assert len([one for one in asked if "list-type=2" in one]) == 3
    assert paths(area) == sorted([at(0), at(2, "late.csv"), at(180, "old.csv")])


def test_a_listing_of_all_that_breaks_off_counts_as_none(
    dropped: Drop, answering: Answering, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.01)
    answering.objects[at(180)] = csv_text((4, "old")).encode()
    area = dropped({}, entities={"things": HOURLY}, url="s3://drops")
    area.run()
    answering.objects[at(181)] = csv_text((5, "older")).encode()
    make_due(area)
    answering.fault = "second page"
    with pytest.raises(ConnectError, match="can't be listed"):
        area.run()
    assert paths(area) == [at(180)]
    answering.fault = ""
    area.run()
    assert paths(area) == [at(181), at(180)]


def test_all_files_are_listed_while_that_takes_no_more_requests_than_the_days(
    dropped: Drop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "PAGE", 1)
    area = dropped({at(180): csv_text((4, "old"))}, entities={"things": HOURLY})
    area.run()
    for days in range(181, 185):
        area.drop(at(days), csv_text((days, "older")))
    area.run()
    area.drop(at(190), csv_text((190, "old")))
    area.run()  # Five files were there, and there are five days.
    assert len(paths(area)) == 6
    area.drop(at(191), csv_text((191, "old")))
    area.run()
    assert len(paths(area)) == 6


@pytest.fixture(scope="module")
def both(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dropped]:
    """An area with two entities of the same files: one has a lookback."""
    every = {"source": FILES, "key": ["id"]}
    with dropping(platforms, tmp_path_factory.mktemp("days") / "project", "days") as make:
        yield make({at(0): csv_text((1, "a"))}, entities={"things": HOURLY, "every": every})


DROPS = st.lists(st.lists(st.integers(-1, 9), max_size=4), min_size=1, max_size=3)
NUMBERS = count()


@settings(max_examples=tries(10, usually=4), deadline=None)
@given(drops=DROPS, lookback=st.integers(0, 6))
def test_after_a_listing_of_all_the_same_files_are_taken_as_without_a_lookback(
    both: Dropped, drops: Sequence[Sequence[int]], lookback: int
):
    root = f"{next(NUMBERS)}/"
    area, files = both.area, root + FILES
    every = with_files(area, "every", files=files)
    by_days = with_files(every, "things", files=files, lookback=timedelta(days=lookback))
    for days in drops:
        for number, one in enumerate(days):
            both.drop(root + at(one, f"{next(NUMBERS)}.csv"), csv_text((number, one)))
        pipeline.run(both.servers, by_days)
        assert {*taken(both, "things", root)} <= {*taken(both, "every", root)}
    pipeline.run(both.servers, with_files(by_days, "things", list_all_every=timedelta(0)))
    assert taken(both, "things", root) == taken(both, "every", root)
    assert len(taken(both, "every", root)) == sum(map(len, drops))


def taken(area: Dropped, entity: str, root: str) -> list[tuple[Any, ...]]:
    which = f"entity = '{entity}' and path like '{root}%'"
    return area.warehouse.rows(
        "mrr", f"select path, rows from tidemark.file where {which} order by path"
    )
