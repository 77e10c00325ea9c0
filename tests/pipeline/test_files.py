"""Files as a source: every file once, its rows in order, and what a bad one does."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import duckdb
import pytest
import zstandard

from tests.fix_files import Drop, csv_text, with_files
from tidemark.errors import ContractError, UnknownNameError
from tidemark.observe import plan
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.stores import File, Stream


def test_a_file_is_taken_once_and_the_next_one_by_the_next_batch(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"), (2, "two"))})
    area.run()
    assert area.mrr("id, v, _file, _line") == [
        ("1", "one", "things/1.csv", 1),
        ("2", "two", "things/1.csv", 2),
    ]
    assert area.run().changed == 0
    area.drop("things/2.csv", csv_text((2, "changed"), (3, "three")))
    area.run()
    assert area.mrr("id, v, _file, _line") == [
        ("1", "one", "things/1.csv", 1),
        ("2", "changed", "things/2.csv", 1),
        ("3", "three", "things/2.csv", 2),
    ]
    assert area.files() == [
        ("things/1.csv", "taken", 2, 0),
        ("things/2.csv", "taken", 2, 0),
    ]


def test_of_files_that_land_together_only_a_bad_one_is_refused(dropped: Drop):
    bad = {3: "id,v\n5,a,b\n6,good\n", 4: b"id,v\n7,\xff\n", 6: "id,v\n"}
    files = {f"things/{n}.csv": bad.get(n, csv_text((n, "a"), (n + 10, "b"))) for n in range(8)}
    area = dropped(files)
    area.run()
    good = [("6", "things/3.csv", 2)]
    for number in (0, 1, 2, 5, 7):
        good += [(str(number + 10 * n), f"things/{number}.csv", n + 1) for n in (0, 1)]
    assert area.mrr("id, _file, _line") == sorted(good)
    outcomes = {3: ("taken", 1, 1), 4: ("set_aside", 0, 0), 6: ("taken", 0, 0)}
    assert area.files() == [
        (f"things/{number}.csv", *outcomes.get(number, ("taken", 2, 0))) for number in range(8)
    ]
    assert area.differences() == []


def test_documents_and_parquet_land_with_their_keys(dropped: Drop, tmp_path: Path):
    duckdb.sql(
        "copy (select 7 as id, 'x' as v, [1, 2] as l, {'a': 1.5} as s, null::date as d) "
        f"to '{tmp_path / 'p.parquet'}' (format parquet)"
    )
    lines = (
        b'{"e": {"id": 1}, "v": "a\\\\n\\u00fc"}\n\n{"e": {"id": "2"}, "v": null}\n{"v": 3}\nx\n'
    )
    array = b'[{"e": {"id": 3}},\n {"e": {"id": 4}, "v": "\\u0000"}]'
    area = dropped(
        {
            "lines/1.jsonl.gz": gzip.compress(lines),
            "array/1.json.zst": zstandard.compress(array),
            "p/1.parquet": (tmp_path / "p.parquet").read_bytes(),
        },
        entities={
            "lines": {"source": {"files": "lines/*", "format": "jsonl"}, "key": {"id": "$.e.id"}},
            "docs": {"source": {"files": "array/*", "format": "json"}, "key": {"id": "$.e.id"}},
            "table_of": {"source": {"files": "p/*", "format": "parquet"}, "key": ["id"]},
        },
    )
    area.run()
    assert area.mrr("id, document ->> 'v', _line", "mrr_lines") == [
        ("1", "a\\nü", 1),
        ("2", None, 2),
    ]
    assert area.mrr("id, _line", "mrr_docs") == [("3", 1)]
    assert area.mrr("id, v, l, s, d, _line", "mrr_table_of") == [
        (7, "x", [1, 2], {"a": 1.5}, None, 1)
    ]
    refused = "select entity, item, line, reasons from tidemark.refused order by entity, line"
    assert area.warehouse.rows("mrr", refused) == [
        ("docs", "array/1.json.zst", 2, ["document: not a valid jsonb (error 22P05)"]),
        ("lines", "lines/1.jsonl.gz", 4, ["key is null: id"]),
        ("lines", "lines/1.jsonl.gz", 5, ["document: not a valid jsonb"]),
    ]


def test_verify_compares_each_row_with_what_its_file_shows(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"), (2, "two"))})
    area.run()
    area.drop("things/2.csv", csv_text((2, "changed"), (3, "three"), (3, "twice")))
    area.run()
    assert area.differences() == []
    for change, kind, key in (
        ("delete from mrr_things where id = '1'", "missing", ("1",)),
        ("update mrr_things set v = 'forged' where id = '2'", "changed", ("2",)),
        ("update mrr_things set id = '4' where id = '3'", "missing", ("3",)),
    ):
        area.warehouse.execute("mrr", change)
        extracted = [one for one in area.verified().checks if one.hop == "extract"]
        found = [one for check in extracted for one in check.compared.differences]
        assert (kind, key) in [(one.kind, one.key) for one in found]


def test_verify_says_which_files_are_gone_changed_or_new(dropped: Drop):
    area = dropped({f"things/{n}.csv": csv_text((n, "v")) for n in (1, 2, 3)})
    area.run()
    (area.drops / "things/1.csv").unlink()
    area.drop("things/2.csv", csv_text((2, "other")))
    area.drop("things/4.csv", csv_text((4, "new")))
    altered = area.drops / "things/3.csv"
    before = altered.stat()
    altered.write_text(csv_text((3, "w")), "utf-8")
    os.utime(altered, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = area.verified()
    assert found.notes == [
        "things: 1 files are gone since they were taken, so their rows can't be compared",
        "things: 1 files have changed since they were taken; the next batch takes them again",
        "things: 1 files are new, and come with the next batch",
        "things: the content of things/3.csv is another one than was taken, though its size and "
        "time are the same",
    ]
    assert [(one.kind, one.key) for one in found.checks[0].compared.differences] == [
        ("changed", ("3",))
    ]


def test_a_file_is_taken_again_when_it_changes_and_when_a_person_says_so(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"), (2, "two", "too wide"))})
    area.run()
    assert area.files() == [("things/1.csv", "taken", 1, 1)]
    area.drop("things/2.csv", "id;v\n3;three\n")
    stopped = area.area
    with pytest.raises(ContractError, match=r"2\.csv of files can't be taken: it lacks"):
        area.run()
    area.area = with_files(stopped, "things", on_bad_file="set_aside")
    area.run()
    assert area.files("path, status, reason")[1:] == [
        (
            "things/2.csv",
            "set_aside",
            "it lacks the columns 'id', 'v': its header is one column, 'id;v'. Set `delimiter: "
            "';'`?",
        )
    ]
    area.area = with_files(stopped, "things", delimiter=";", on_bad_file="set_aside")
    assert area.run().changed == 0
    area.retry("things/2.csv")
    assert area.files()[1] == ("things/2.csv", "taken", 1, 0)
    area.area = stopped
    area.drop("things/1.csv", csv_text((1, "one"), (2, "mended")))
    area.run()
    assert area.mrr() == [("1", "one"), ("2", "mended"), ("3", "three")]
    rejects = "select resolved_at is not null from stg_rejects"
    assert area.warehouse.rows("stg", rejects) == [(True,)]
    with pytest.raises(UnknownNameError, match=r"file of made 'things/9\.csv'"):
        area.retry("things/9.csv")


def test_a_key_that_comes_twice_among_many_keeps_its_versions(dropped: Drop):
    many = [(number, "many") for number in range(1, 2_001)]
    area = dropped({"things/1.csv": csv_text(*many), "things/2.csv": csv_text((7, "again"))})

    def seven() -> list[object]:
        return [v for one, v in area.history() if one == "7"]

    area.run()
    assert seven() == ["many", "again"]
    assert len(area.mrr()) == 2_000
    indexes = "select count(*) from pg_indexes where tablename = 'mrr_things'"
    assert area.warehouse.rows("mrr", indexes) == [(2,)]
    area.drop("things/3.csv", csv_text(*many, (7, "last")))
    area.run()
    assert seven() == ["many", "again", "many", "last"]
    assert len(area.mrr()) == 2_000
    assert area.differences() == []


def test_a_touched_file_is_the_same_and_files_of_one_batch_are_in_order(dropped: Drop):
    files = {
        f"things/{day}.csv": csv_text((1, v)) for day, v in (("01", "a"), ("02", "b"), ("03", "b"))
    }
    area = dropped(files)
    area.run()
    assert area.history("id, v, _file") == [
        ("1", "a", "things/01.csv"),
        ("1", "b", "things/02.csv"),
    ]
    os.utime(area.drops / "things/01.csv")
    assert area.run().changed == 0
    assert area.mrr() == [("1", "b")]
    area.drop("things/02a.csv", csv_text((1, "late")))
    late = area.run()
    assert area.mrr() == [("1", "late")]
    assert late.hops[0].entities["things"].remarks == (
        "things: things/02a.csv came late, behind things/03.csv",
    )
    assert area.files("path, is_late")[2] == ("things/02a.csv", True)


def test_files_that_were_taken_are_not_opened_to_plan_and_to_migrate(
    dropped: Drop, monkeypatch: pytest.MonkeyPatch
):
    area = dropped({f"things/{n}.csv": csv_text((n, "v")) for n in (1, 2)})
    area.run()
    area.drop("things/3.csv", csv_text((3, "v", "more"), header="id,v,w"))
    opened: list[str] = []
    open_it = Folder.open

    def noted(self: Folder, file: File) -> Stream:
        opened.append(file.path)
        return open_it(self, file)

    monkeypatch.setattr(Folder, "open", noted)
    area.migrate()
    (planned,) = plan.make(area.servers, area.area).entities
    assert {*opened} == {"things/3.csv"}
    assert planned.items == ["things/3.csv"]
    area.run()
    assert area.mrr("id, w") == [("1", None), ("2", None), ("3", "more")]


def test_what_was_set_aside_stops_neither_a_run_nor_its_plan(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"))})
    area.drop("things/2.csv", "id\n2\n")
    stopping = area.area
    area.area = with_files(stopping, "things", on_bad_file="set_aside")
    area.run()
    assert area.files("path, status") == [("things/1.csv", "taken"), ("things/2.csv", "set_aside")]
    area.area = stopping
    assert plan.make(area.servers, area.area).stops == []
    assert area.run().changed == 0


def test_rows_of_a_replaced_file_may_have_moved_to_other_lines(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"), (2, "two"))})
    area.run()
    area.drop("things/1.csv", csv_text((0, "zero"), (1, "one"), (2, "two")))
    area.run()
    assert area.mrr() == [("0", "zero"), ("1", "one"), ("2", "two")]
    assert area.verified().is_equal
