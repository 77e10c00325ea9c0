"""Files whose records are rows of their own: `key: [_file, _line]`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fix_files import Drop, Dropped, csv_text
from tidemark.batch import pipeline
from tidemark.declare.reading import FilesOfEntity
from tidemark.errors import ConfigError
from tidemark.model import Overrides
from tidemark.postgres.inlet import Out
from tidemark.sources.files import bundles, jsonfiles, sending
from tidemark.sources.files.stores import File, Store

RECORD = ["_file", "_line"]
MOST, FEW = 8 << 20, 700
"""Bytes of a line, and of all that are held back."""
HUGE = b'{"n": 1e400000}'
HOSTILE = (
    b'{"n": 1}',
    b"{broken",
    b"   ",
    b'{"n": "\\u0000"}',
    rb'{"n": "\\u0000 is no NUL", "path": "c:\\temp"}',
    b'{"n": NaN}',
    b'{"n": ' + b"9" * 5000 + b"}",
    b'{"n": "\0"}',
    rb'{"n": "\ud83d\ude00"}',
    rb'{"n": "\ud83d"}',
    rb"\.",
    b"\x01",
    b'{"n": "a tab\t"}',
    b"[" * 300 + b"]" * 300,
    b'"\xf0\x9f\x98\x80"',
    b'{"n": 1} \t',
    b'{"n": 1}',
    b"{,}",
)
"""Lines that readers of JSON judge differently. Only `HUGE` of all looks good to the sender."""
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


@pytest.mark.parametrize(("huge", "most"), [((), MOST), ([HUGE], MOST), ((), FEW)])
def test_each_line_lands_if_the_server_takes_it(
    huge: Sequence[bytes], most: int, dropped: Drop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jsonfiles, "LONGEST", most)  # Of what is held of a file, too.
    sent = [line for line in (*HOSTILE, *huge) if len(line) <= most]
    area = dropped({"e/1": b"\n".join(sent)}, entities=EVENTS)
    area.run()
    found = [(n, one) for n, one in enumerate(sent, 1) if one.strip()]
    good = [number for number, (_, one) in enumerate(found, 1) if _is_taken(area, one)]
    assert area.mrr("_line", "mrr_lines") == [(number,) for number in good]
    bad = [(n, one.decode()) for n, one in found if not _is_taken(area, one)]
    told = area.warehouse.rows("mrr", "select item, line, row_text from tidemark.refused")
    assert sorted(told) == [("e/1", n, text.replace("\0", "?")) for n, text in bad]
    doubtful = len(found) if huge or most == FEW else 13
    assert len(_sent_carefully(area)) == doubtful
    assert area.differences() == []


def test_behind_a_file_with_refused_lines_they_are_sifted_at_once(
    dropped: Drop, monkeypatch: pytest.MonkeyPatch
):
    fast, tried = sending._fast, list[str]()

    def noted(out: Out, store: Store, file: File, reading: FilesOfEntity) -> str | None:
        tried.append(file.path)
        return fast(out, store, file, reading)

    monkeypatch.setattr(sending, "_fast", noted)
    monkeypatch.setattr(bundles, "_SMALL", 0)
    good, bad = lines({"n": 1}, {"n": 2}), "{broken\n"
    files = {"e/1": good, "e/2": bad + good, "e/3": good, "e/4": good + bad}
    area = dropped(files, entities=EVENTS)
    area.run()
    assert tried == ["e/1", "e/2"]
    found = [("e/1", 1), ("e/1", 2), ("e/2", 2), ("e/2", 3), ("e/3", 1), ("e/3", 2)]
    assert sorted(area.mrr("_file, _line", "mrr_lines")) == [*found, ("e/4", 1), ("e/4", 2)]
    assert [refused for *_, refused in area.files()] == [0, 1, 0, 1]
    assert area.differences() == []


def _is_taken(area: Dropped, line: bytes) -> bool:
    asked = "select tidemark.why_refused('d', %s, 'jsonb') is null"
    return b"\0" not in line and area.warehouse.rows("mrr", asked, [line.decode()]) == [(True,)]


def _sent_carefully(area: Dropped) -> list[tuple[Any, ...]]:
    schema, table = area.area.entities["lines"].landing
    return area.warehouse.rows("mrr", f'select from {schema}."{table}.careful"')


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
