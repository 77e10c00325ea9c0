"""A listing that shows what the last one showed costs no look at the files that were taken."""

from __future__ import annotations

import pytest

from tests.fix_files import Drop, Dropped, csv_text, with_files
from tidemark import sources
from tidemark.batch import pipeline
from tidemark.model import Overrides

SEEN = "select position ? 'seen' from tidemark.source_position where item = ''"
FILES = {"things/1.csv": csv_text((1, "one")), "things/2.csv": csv_text((2, "two"))}


def is_seen(area: Dropped) -> bool:
    ((found,),) = area.warehouse.rows("mrr", SEEN)
    return bool(found)


def forget(area: Dropped) -> None:
    """Delete the positions of all files, and leave that of the entity alone."""
    area.warehouse.execute("mrr", "delete from tidemark.source_position where item <> ''")


def test_what_was_taken_is_not_read_for_the_same_listing(dropped: Drop):
    area = dropped(FILES)
    area.run()
    forget(area)
    assert area.run().hops[0].entities["things"].processed == 0
    area.drop("things/3.csv", csv_text((3, "three")))
    assert area.run().hops[0].entities["things"].processed == 3


def test_a_new_file_is_taken_alone_beside_those_that_were_seen(dropped: Drop):
    area = dropped(FILES)
    area.run()
    area.drop("things/3.csv", csv_text((3, "three")))
    assert area.run().hops[0].entities["things"].processed == 1
    area.drop("things/1.csv", csv_text((1, "1!!")))
    assert area.run().hops[0].entities["things"].processed == 1
    assert is_seen(area)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    "overrides",
    [Overrides(retry=frozenset({"things/1.csv"})), Overrides(refresh=frozenset({"things"}))],
    ids=["retry", "refresh"],
)
def test_a_person_may_take_files_again_that_were_seen(dropped: Drop, overrides: Overrides):
    area = dropped(FILES)
    area.run()
    assert is_seen(area)
    again = pipeline.run(area.servers, area.area, overrides=overrides)
    assert again.hops[0].entities["things"].processed == len(overrides.retry or FILES)


def test_a_repair_reads_files_that_were_seen(dropped: Drop):
    area = dropped(FILES)
    area.run()
    area.warehouse.execute("mrr", "update mrr_things set v = 'forged' where id = '2'")
    overrides = Overrides(repair=area.verified().repair())
    pipeline.run(area.servers, area.area, overrides=overrides)
    assert area.mrr() == [("1", "one"), ("2", "two")]


def test_a_file_that_waits_leaves_the_listing_unseen(dropped: Drop):
    area = dropped(FILES)
    area.area = with_files(area.area, "things", ready_when=".done")
    area.drop("things/1.csv.done", "")
    area.run()
    assert [path for path, *_ in area.files()] == ["things/1.csv"]
    assert not is_seen(area)
    area.drop("things/2.csv.done", "")
    area.run()
    assert is_seen(area)


def test_a_new_file_that_was_not_sent_leaves_the_listing_unseen(dropped: Drop):
    area = dropped(FILES)
    with sources.of(area.servers, area.area).open(area.area, {}) as delta:
        assert "seen" not in delta.positions["things"][""]
