"""Files whose records are rows of their own: `key: [_file, _line]`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fix_files import Drop, Dropped, csv_text
from tidemark.batch import pipeline
from tidemark.errors import ConfigError
from tidemark.model import Overrides

RECORD = ["_file", "_line"]
EVENTS = {"lines": {"source": {"files": "e/*", "format": "jsonl"}, "key": RECORD}}
ROWS = {"things": {"source": "things/*.csv", "key": RECORD}}


def lines(*documents: object) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in documents)


def shown(area: Dropped) -> list[tuple[Any, ...]]:
    """The live records: file, line and number."""
    return area.mrr("_file, _line, document ->> 'n'", "mrr_lines")


def test_equal_records_are_rows_of_their_own(dropped: Drop):
    area = dropped(
        {"e/1": lines({"n": 1}, {"n": 1}), "e/2": lines({"n": 1}, {}, [])}, entities=EVENTS
    )
    area.run()
    first = [("e/1", 1, "1"), ("e/1", 2, "1")]
    assert sorted(shown(area)) == [*first, ("e/2", 1, "1"), ("e/2", 2, None), ("e/2", 3, None)]
    assert area.warehouse.rows("stg", "select count(*) from stg_lines") == [(5,)]
    assert area.run().changed == 0
    assert area.differences() == []


def test_rows_of_a_table_need_no_key(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "a"), (1, "a"), ("", ""))}, entities=ROWS)
    area.run()
    assert area.mrr("_line, id, v") == [(1, "1", "a"), (2, "1", "a"), (3, None, None)]
    assert area.differences() == []


def test_records_that_a_file_shows_no_more_are_gone(dropped: Drop):
    kept = lines({"n": 7}, {"n": 8})
    area = dropped({"e/1": lines({"n": 1}, {"n": 2}, {"n": 3}), "e/2": kept}, entities=EVENTS)
    area.run()
    area.drop("e/1", lines({"n": 1}, {"n": 9}))
    area.run()
    two = [("e/2", 1, "7"), ("e/2", 2, "8")]
    assert sorted(shown(area)) == [("e/1", 1, "1"), ("e/1", 2, "9"), *two]
    assert area.warehouse.rows(
        "stg", "select _file, _line, _deleted_at is null from stg_lines order by 1, 2"
    ) == [("e/1", 1, True), ("e/1", 2, True), ("e/1", 3, False), *((*one[:2], True) for one in two)]
    assert area.differences() == []
    area.drop("e/1", "")
    area.run()
    assert sorted(shown(area)) == two
    area.drop("e/1", lines({"n": 4}))
    area.run()
    assert sorted(shown(area)) == [("e/1", 1, "4"), *two]
    assert area.differences() == []


def test_a_refused_record_keeps_its_number(dropped: Drop):
    area = dropped({"e/1": lines({"n": 1}) + "{broken\n" + lines({"n": 3})}, entities=EVENTS)
    area.run()
    assert shown(area) == [("e/1", 1, "1"), ("e/1", 3, "3")]
    assert area.files() == [("e/1", "taken", 2, 1)]
    area.drop("e/1", lines({"n": 1}, {"n": 2}) + "{broken\n")
    area.run()
    assert shown(area) == [("e/1", 1, "1"), ("e/1", 2, "2")]
    assert area.differences() == []


def test_a_full_refresh_writes_what_differs(dropped: Drop):
    area = dropped({"e/1": lines({"n": 1}, {"n": 2}), "e/2": lines({"n": 3})}, entities=EVENTS)
    area.run()
    area.drop("e/1", lines({"n": 5}))
    pipeline.run(area.servers, area.area, overrides=Overrides(refresh=frozenset({"lines"})))
    assert shown(area) == [("e/1", 1, "5"), ("e/2", 1, "3")]
    assert area.differences() == []


def test_a_record_that_was_edited_by_hand_is_repaired(dropped: Drop):
    area = dropped({"e/1": lines({"n": 1}, {"n": 2}), "e/2": lines({"n": 3})}, entities=EVENTS)
    area.run()
    area.warehouse.execute("mrr", "update mrr_lines set document = '{}' where _line = 2")
    area.warehouse.execute("mrr", "delete from mrr_lines where _file = 'e/2'")
    pipeline.run(area.servers, area.area, overrides=Overrides(repair=area.verified().repair()))
    assert shown(area) == [("e/1", 1, "1"), ("e/1", 2, "2"), ("e/2", 1, "3")]
    assert area.differences() == []


@pytest.mark.parametrize(
    ("entity", "told"),
    [
        ({"key": ["_file"]}, "'_file' is where a record is. Write [_file, _line]"),
        ({"key": ["id", "_line"]}, "'_line' is where a record is"),
        ({"key": RECORD, "deletes": "detect"}, "a record is gone when its file comes again"),
    ],
)
def test_the_place_of_a_record_is_a_key_as_a_whole(
    dropped: Drop, entity: dict[str, Any], told: str
):
    with pytest.raises(ConfigError) as refused:
        dropped({}, entities={"things": {"source": "things/*.csv", **entity}})
    assert told in str(refused.value)
