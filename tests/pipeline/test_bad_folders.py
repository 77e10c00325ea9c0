"""Folders that change while they are read, and what in them is no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fix_files import Drop, csv_text
from tests.fix_retail import PATIENCE
from tidemark.errors import ConnectError
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.stores import ReplacedError

LONG_LINE = """
import zstandard
from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files import csvfiles, jsonfiles, opening
from tidemark.sources.files.stores import Stream
x = b"x" * (1 << 20)
csv = lambda: iter([b'id,v\\n1,"', *[x] * 100, b'"\\n2,two\\n'])
reading = FilesOfEntity(files="*")
try:
    for _ in csvfiles.guarded(csvfiles.begun(csv(), reading).rest, reading, columns=2): pass
except csvfiles.SuspectError: pass
told = [*csvfiles.records(csvfiles.begun(csv(), reading), reading)]
assert [one.reason and one.reason[:9] for one in told] == ["it is lon", None], told
told = [*jsonfiles.documents(iter([b'{"v":"', *[x] * 100, b'"}\\n{}']))]
assert [one.reason and one.reason[:9] for one in told] == ["it is lon", None], told
c = zstandard.ZstdCompressor().compressobj()
bomb = b"".join(map(c.compress, csv())) + b"".join(map(c.compress, csv())) + c.flush()
assert len(bomb) < 1 << 15
unpacked = opening.content(Stream(iter([bomb])), "utf-8")
told = [*csvfiles.records(csvfiles.begun(unpacked, reading), reading)]
assert [one.reason and one.reason[:9] for one in told][:2] == ["it is lon", None], told
status = open("/proc/self/status").read()
print(int(status.partition("VmHWM:")[2].split()[0]) >> 10)
"""


def test_a_line_of_100_mb_takes_little_memory_compressed_or_not():
    command = [sys.executable, "-c", LONG_LINE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert int(done.stdout) <= 100


def test_a_name_that_is_not_utf8_is_told(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"))})
    Path(os.fsdecode(bytes(area.drops) + b"/things/\xff.csv")).write_text(csv_text((2, "two")))
    with pytest.raises(ConnectError, match=r"the name b'things/\\xff\.csv' below .* Rename it"):
        area.run()
    assert area.files() == []


def test_odd_names_and_links_are_taken_and_what_is_no_file_is_not(dropped: Drop):
    names = ["a b", 'it\'s "1"', "ü\N{GRINNING FACE}", "new\nline", "%s{x}"]
    area = dropped(
        {f"things/{name}.csv": csv_text((n, name)) for n, name in enumerate(names)},
        entities={
            "things": {"source": "things/*.csv", "key": ["id"]},
            "some": {"source": "things/a*.csv", "key": ["id"]},
        },
    )
    written = area.home / "elsewhere.csv"
    written.write_text(csv_text((9, "linked")))
    (area.drops / "things" / "link.csv").symlink_to(written)
    (area.drops / "things" / "broken.csv").symlink_to(area.home / "nothing")
    (area.drops / "things" / "folder.csv").mkdir()
    (area.drops / "things" / "note.txt").write_text("no table")
    area.run()
    expected = [*((str(n), name) for n, name in enumerate(names)), ("9", "linked")]
    assert area.mrr() == expected
    assert area.mrr(table="mrr_some") == [("0", "a b")]


def test_what_can_not_be_read_stops_the_run_and_is_named(dropped: Drop):
    area = dropped({"things/1.csv": csv_text((1, "one"))})
    loop = area.drops / "things" / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(ConnectError, match=r"things/loop\.csv below .* can't be read: Too many"):
        area.run()
    loop.unlink()
    loop.symlink_to("/proc/self/mem")  # Reading its begin is an error of input and output.
    with pytest.raises(ConnectError, match=r"things/loop\.csv below .* can't be read: Input"):
        area.run()
    loop.unlink()
    area.run()
    assert area.files() == [("things/1.csv", "taken", 1, 0)]
    # A folder of the project may be missing; another one is a share that is not there.
    area.drops.rename(area.home / "gone")
    assert area.run().changed == 0
    area.servers.urls["files"] = (area.home / "share").as_uri()
    with pytest.raises(ConnectError, match=r"there is no folder .*share\. Make it"):
        area.run()


@pytest.mark.parametrize("change", ["replaced", "deleted", "appended"])
def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path, change: str):
    path = tmp_path / "1.csv"
    path.write_text(csv_text((1, "one")))
    (file,) = Folder(tmp_path, "files").files("")
    with Folder(tmp_path, "files").open(file) as stream:
        stream.read(5)
        if change == "appended":
            with path.open("a") as more:
                more.write("2,two\n")
        elif change == "replaced":
            path.with_suffix(".new").write_text(csv_text((1, "two")))
            path.with_suffix(".new").replace(path)
        else:
            path.unlink()
        with pytest.raises(ReplacedError):
            stream.confirm()
