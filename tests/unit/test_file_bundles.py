"""Which small files land together: those of which every line is a row."""

import gzip
from itertools import islice
from pathlib import Path
from threading import Barrier, Event, get_ident
from typing import Any

import pytest

from tests.fix_files import written
from tidemark.declare.reading import FilesOfEntity
from tidemark.sources.files import bundles, opening
from tidemark.sources.files.folders import Folder
from tidemark.sources.files.listing import Placed

ROWS = "id,v\n1,a\n2,b"


def bundled(folder: Path, contents: list[bytes | str], **reading: Any) -> list[list[str]]:
    """Return the contents of the bundles; None is a file that is sent alone."""
    for number, content in enumerate(contents):
        written(folder / f"{number:03}.csv", content)
    store, files = Folder(folder, "drops"), FilesOfEntity(files="*", **reading)
    placed = [Placed((one.path,), one) for one in store.files("")]
    placed.sort(key=lambda one: one.place)
    found = bundles.of(store, files, placed, taken={"id", "v", "document"}, bad={"001.csv"})
    return [[part.content.decode() for part in bundle] for bundle in found]


def test_files_side_by_side_with_the_same_header_land_together(tmp_path: Path):
    compressed = gzip.compress(ROWS.encode())
    others = ["v,id\na,1\n", "v,id\nb,2\n", "id,more\n1,2\n", ROWS]
    lines, alone = "1,a\n2,b\n", ""
    assert bundled(tmp_path, [ROWS, ROWS, ROWS, compressed, *others]) == [
        [lines],
        [alone],  # It is known to be bad.
        [lines, lines],
        ["a,1\n", "b,2\n"],
        [alone],  # It has a column that nobody takes.
        [lines],
    ]


@pytest.mark.parametrize(
    "content",
    [
        'id,v\n1,"a\nb"\n',
        "id,v\r\n1,a\r\n",
        "id,v\n1,a\n\n2,b\n",
        "id,v\n\n1,a\n",
        "id,v\n\\.\n1,a\n",
        "id,v\n",
        "",
        b"\xff\xfe",
        gzip.compress(ROWS.encode(), mtime=0)[:-4],
        "id,v\n" + "1,abcdefgh\n" * 30_000,
        gzip.compress(b"id,v\n" + b"1,abcdefgh\n" * 30_000, mtime=0),
    ],
)
def test_a_file_is_alone_if_its_lines_may_not_be_rows(content: bytes | str, tmp_path: Path):
    assert bundled(tmp_path, [ROWS, ROWS, ROWS, content, ROWS])[2:] == [
        ["1,a\n2,b\n"],
        [""],
        ["1,a\n2,b\n"],
    ]


def test_documents_land_together_and_an_array_alone(tmp_path: Path):
    files: list[bytes | str] = ["[1]\n", "[1]\n", '{"a":"\\n"}', "{}\n{}\n", " [{}]\n"]
    found = bundled(tmp_path, files, format="jsonl")
    assert found == [[""], [""], ['{"a":"\\\\n"}\n', "{}\n{}\n"], [""]]


def test_a_full_bundle_ends(tmp_path: Path):
    content = "id,v\n" + "1,abcdefgh\n" * 20_000
    found = bundled(tmp_path, [ROWS, ROWS, *[content] * 12])
    assert [len(bundle) for bundle in found[2:]] == [10, 2]


@pytest.mark.parametrize("count", [0, 7, 64, 150])
def test_what_is_read_at_once_comes_in_its_order(count: int):
    assert [*opening.each(lambda n: n * n, range(count))] == [n * n for n in range(count)]


def test_a_few_files_are_read_at_once_behind_one_that_took_a_while():
    every = Barrier(8)

    def read(number: int) -> int:
        if number:
            return every.wait(timeout=10)
        Event().wait(2 * opening._QUICK)
        return 8

    assert sorted(opening.each(read, range(9))) == [*range(9)]


def test_files_that_are_read_quickly_are_read_one_after_another(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "_QUICK", 60)
    read = opening.each(lambda _: get_ident(), range(100))
    assert {*islice(read, 3)} == {get_ident()}
