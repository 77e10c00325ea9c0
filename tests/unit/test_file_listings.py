"""Which checksum stands for a listing: what tells its files apart, and the pattern."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files.listing import There
from tidemark.sources.files.stores import File

AT = datetime(2025, 3, 1, tzinfo=UTC)
LOCAL = [File("a.csv", 1, AT), File("b.csv", 2, AT)]
KEPT = [File("a.csv", 1, AT, "x"), File("b.csv", 2, AT, "y")]
LATER = AT + timedelta(microseconds=1)


def checksum(files: list[File], pattern: str = "*.csv") -> str:
    found = FilesOfEntity(files=pattern)
    return There(found, {one.path: one for one in files}).checksum


@pytest.mark.parametrize(
    ("files", "others"),
    [
        (LOCAL, LOCAL[:1]),
        (LOCAL, [LOCAL[0], replace(LOCAL[1], path="c.csv")]),
        (LOCAL, [LOCAL[0], replace(LOCAL[1], size=3)]),
        (LOCAL, [LOCAL[0], replace(LOCAL[1], modified=LATER)]),
        (LOCAL, [replace(LOCAL[0], size=2), replace(LOCAL[1], size=1)]),
        (KEPT, [KEPT[0], replace(KEPT[1], etag="z")]),
    ],
    ids=["gone", "renamed", "larger", "later", "swapped", "another etag"],
)
def test_another_listing_has_another_checksum(files: list[File], others: list[File]):
    assert checksum(files) != checksum(others)


def test_another_pattern_has_another_checksum():
    assert checksum(LOCAL) != checksum(LOCAL, "*")


def test_the_time_of_an_object_says_nothing_beside_its_etag():
    assert checksum(KEPT) == checksum([KEPT[0], replace(KEPT[1], modified=LATER)])


def test_a_name_that_is_no_text_is_no_obstacle():
    assert checksum([File("\udcff.csv", 1, AT)]) != checksum(LOCAL)
