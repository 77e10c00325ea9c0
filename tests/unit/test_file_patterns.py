"""Which folder has the files of a day, and when all files are listed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tidemark.declare.patterns import Pattern
from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files import listing
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.taken import Whole

DAY = date(2025, 1, 9)
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("raw-events/{date:%Y/%m/%d/%H}/*.json.gz", "raw-events/2025/01/09/"),
        ("x/{date:%Y-%m-%d}/*.csv", "x/2025-01-09/"),
        ("{date:%Y%m%d}/**/*.csv", "20250109/"),
        ("x/day={date:%Y-%m-%d}/in/*.csv", "x/day=2025-01-09/"),
        ("x/{date:year=%Y/day=%j}/*", "x/year=2025/day=009/"),
        ("x/{date:%d.%m.%y}-ü%/*", "x/09.01.25-ü%/"),
        ("x/{date:%Y-%m-%d/%H}/**", "x/2025-01-09/"),
    ],
)
def test_the_files_of_a_day_are_below_one_folder(pattern: str, folder: str):
    assert Pattern(pattern).folder_of(DAY) == folder
    assert Pattern(pattern).folder_of(DAY + timedelta(days=1)) != folder


@pytest.mark.parametrize(
    "pattern",
    [
        "x/*.csv",
        "x/{date:%Y-%m-%d}.csv",
        "x/{date:%Y/%m}/*.csv",
        "x/{date:%Y/%m/%d}*/*.csv",
        "x/{date:%Y/%m/%d-%H}/*.csv",
        "x/{date:%H/%Y/%m/%d}/*.csv",
        "x/{date:%Y/%b/%d}/*.csv",
        "*/{date:%Y/%m/%d}/*.csv",
        "x/**/{date:%Y/%m/%d}/*.csv",
    ],
)
def test_a_lookback_is_refused_where_days_have_no_folders(pattern: str):
    assert Pattern(pattern).folder_of(DAY) is None
    with pytest.raises(ValidationError, match="`lookback` lists the folders of days"):
        FilesOfEntity.model_validate({"files": pattern, "lookback": "3d"})
    assert FilesOfEntity(files=pattern).lookback is None


def test_a_date_leads_nowhere_else():
    with pytest.raises(ValueError, match="name paths below the source's url"):
        Pattern("x/{date:../%Y/%m/%d}/*.csv")


@pytest.mark.parametrize(
    ("lookback", "days"),
    [("0s", ["01", "02"]), ("12h", ["01", "02"]), ("13h", ["28", "01", "02"])],
)
def test_days_are_listed_from_the_lookback_to_tomorrow(lookback: str, days: list[str]):
    told = {"files": "x/{date:%d/%m/%Y}/*", "lookback": lookback}
    files = FilesOfEntity.model_validate(told)
    found = [one.split("/")[1] for one in listing.folders_of_days(files, NOW)]
    assert found == days


@pytest.mark.parametrize(
    ("hours", "pattern", "is_due"),
    [(0, "x", False), (23, "x", False), (24, "x", True), (-1, "x", True), (1, "y", True)],
    ids=["now", "of today", "old", "of a clock that was set back", "of other files"],
)
def test_all_files_are_listed_once_a_day(hours: int, pattern: str, is_due: bool):
    files = FilesOfEntity(files="x/{date:%Y-%m-%d}/*", lookback=timedelta(days=3))
    store = Folder(Path("/drops"), "drops")
    named = f"/drops {pattern}/{{date:%Y-%m-%d}}/*"
    last = Whole(NOW - timedelta(hours=hours), named, files=100_000)
    assert listing.is_due(store, files, last, NOW) is is_due
