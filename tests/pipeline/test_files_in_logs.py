"""What a file says is in the tables and among the rejects, and in no error and no log."""

from __future__ import annotations

import gzip

from tests.commands import tidemark
from tests.fix_files import THINGS, Drop, Dropped, csv_text, declare

SAID = "ada.byron"
"""What somebody's row says."""

ENTITIES = {
    "things": THINGS,
    "docs": {"source": {"files": "docs/*", "format": "jsonl"}, "key": {"id": "$.id"}},
    "arrays": {"source": {"files": "arrays/*", "format": "json"}, "key": {"id": "$.id"}},
}
ROW = f"{SAID},{SAID}\n"
BAD_LINES = {
    "things/lines.csv": f'id,v\n1,{SAID},wide\n,{SAID}\n2,"{SAID}"x\n3,{SAID}\0\n4,"{SAID}\n',
    "docs/lines": f'{{"id": "{SAID}"\n{{"v": "{SAID}"}}\n{{"id": "1", "v": "{SAID}\\u0000"}}\n',
}
BAD_FILES: dict[str, bytes | str] = {
    "things/none.csv": f"1,{SAID}\n",
    "things/one.csv": f"{SAID}\n",
    "things/other.csv": f"1;{SAID}\n",
    "things/twice.csv": ROW,
    "things/quoted.csv": f'"{SAID}\n1,2\n',
    "things/latin.csv": f"id,v\n1,{SAID}\xf6\n".encode("latin-1"),
    "things/wide.csv": f"id,v\n1,{SAID}\n".encode("utf-16"),
    "things/damaged.csv": gzip.compress(f"id,v\n1,{SAID}\n".encode())[:-5],
    "docs/array": f'[{{"id": "{SAID}"}}]',
    "docs/latin": f'{{"id": "{SAID}\xf6"}}'.encode("latin-1"),
    "arrays/open": f'[{{"id": "{SAID}"}}, {{"v": "{SAID}',
    "arrays/lines": f'{{"id": "{SAID}"}}\n{{"id": "{SAID}"}}',
}
LOGS = {
    "dwh": ("etl_logs", "etl_batches"),
    "mrr": ("tidemark.file", "tidemark.source_position"),
}


def logged(area: Dropped) -> str:
    """Return all that the layers have noted of runs and files."""
    return "\n".join(
        text
        for layer, tables in LOGS.items()
        for table in tables
        for (text,) in area.warehouse.rows(layer, f"select t::text from {table} as t")
    )


def test_no_error_and_no_log_shows_what_a_row_says(dropped: Drop):
    good = {"things/1.csv": csv_text((0, "a")), "docs/1": '{"id": "0"}', "arrays/1": "[]"}
    area = dropped(good, entities=ENTITIES, on_bad_file="set_aside")
    area.run()
    for path, content in (BAD_LINES | BAD_FILES).items():
        area.drop(path, content)
    commands = ["plan", "run", "status --json", "status", "doctor", "verify", "plan --json"]
    told = [tidemark(*words.split(), env=area.environment) for words in commands]
    assert SAID not in "".join(done.out + done.err for done in told)
    assert SAID not in logged(area)
    aside = [path for path, status, *_ in area.files() if status == "set_aside"]
    assert aside == sorted(BAD_FILES)
    kept = area.warehouse.rows("mrr", "select item, row_text ~ %s from tidemark.refused", [SAID])
    assert sorted(kept) == [("docs/lines", True)] * 3 + [("things/lines.csv", True)] * 5
    assert SAID in tidemark("rejects", "--json", env=area.environment).out


def test_no_error_of_a_file_that_stops_the_run_shows_what_a_row_says(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((0, "a"))}, entities=ENTITIES)
    area.run()
    declare(area.home, ENTITIES, on_bad_file="stop")
    for path, content in BAD_FILES.items():
        bad = area.drop(path, content)
        done = tidemark("run", env=area.environment)
        assert (done.code != 0, path in done.err, SAID in done.err) == (True, True, False), done
        bad.unlink()
    assert SAID not in logged(area)
