"""Laws of CSV files: whichever way one goes, it gives the rows that were written into it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fix_files import dropping
from tidemark.declare.entity import Entity
from tidemark.declare.reading import FilesOfEntity
from tidemark.model import Column, ServerName
from tidemark.postgres import transfer
from tidemark.postgres.careful import REFUSED_COLUMNS
from tidemark.postgres.db import Session
from tidemark.postgres.inlet import NUMBERED
from tidemark.postgres.transfer import Landing, Task
from tidemark.sources.files import sending
from tidemark.sources.files.folders import Folder

Row = tuple[str | None, ...]
NAMES = ("a", "b", "c")

LANDING = Landing(
    ("landing", "law"),
    (*(Column(name, "text") for name in NAMES), Column("_line", "bigint"), NUMBERED),
)
REFUSED = Landing(("landing", "law_refused"), REFUSED_COLUMNS)
PRESSES: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


@dataclass(frozen=True)
class Written:
    """How a file is written."""

    delimiter: str
    quote: str
    null: str
    encoding: str
    end: str
    press: str
    is_ended: bool

    def text(self, rows: Sequence[Row], quoted: Callable[[str], bool]) -> str:
        lines = [self.delimiter.join(self.field(one, quoted) for one in row) for row in rows]
        return self.end.join([self.delimiter.join(NAMES), *lines, *([""] * self.is_ended)])

    def field(self, value: str | None, quoted: Callable[[str], bool]) -> str:
        text = self.null if value is None else value
        special = {self.delimiter, self.quote, "\r", "\n"} & {*text}
        if not special and not quoted(text):
            return text
        return self.quote + text.replace(self.quote, self.quote * 2) + self.quote

    @property
    def reading(self) -> FilesOfEntity:
        return FilesOfEntity(
            files="*",
            delimiter=self.delimiter,
            quote=self.quote,
            null=self.null,
            encoding=self.encoding,
        )


WRITTEN = st.builds(
    Written,
    delimiter=st.sampled_from(",;\t|^ "),
    quote=st.sampled_from("\"'"),
    null=st.sampled_from(["", "NULL", "\\N", "-"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    press=st.sampled_from(sorted(PRESSES)),
    is_ended=st.booleans(),
)
VALUE = st.text(st.sampled_from("ab5 ,;\t|^\"'\\.N-\r\n\u20ac\u2028\U0001f600\x01\x0b"), max_size=6)
ROWS = st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=8)
JUNK = st.lists(st.text(st.sampled_from('ab5,"\\. \n\r\0'), max_size=8), min_size=1, max_size=6)


@dataclass(frozen=True)
class Bench:
    """Sends files into tables of a database, and says what has landed."""

    mrr: Session
    store: Folder
    entity: Entity

    def sent(self, content: bytes, reading: FilesOfEntity) -> tuple[list[Row], int]:
        """Return the rows that have landed, and how many were refused."""
        (self.store.path / "law.csv").write_bytes(content)
        (file,) = self.store.files("")
        entity = self.entity.model_copy(update={"source": reading})
        for table in (LANDING, REFUSED):
            self.mrr.run(table.emptied)
        done = []
        transfer.land(
            self.mrr,
            Task(
                LANDING,
                lambda out: done.append(sending.send(out, self.store, file, entity)),
                refused=REFUSED,
            ),
        )
        landed = self.mrr.rows("select a, b, c from landing.law order by _seq")
        ((refused,),) = self.mrr.rows("select count(*) from landing.law_refused")
        assert (done[0].rows, done[0].refused) == (len(landed), refused)
        return landed, refused


@pytest.fixture(scope="module")
def bench(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("law")
    with dropping(platforms, home / "project", "law") as make:
        area = make({}, entities={"law": {"source": "*", "key": ["a"]}})
        (home / "files").mkdir()
        with area.servers.session("mrr", "law") as mrr:
            yield Bench(mrr, Folder(home / "files", "files"), area.area.entities["law"])


def rows_of(rows: Sequence[Row], null: str) -> list[Row]:
    return [tuple(None if value == null else value for value in row) for row in rows]


@settings(max_examples=60, deadline=None)
@given(written=WRITTEN, rows=ROWS, quoted=st.sets(VALUE, max_size=3), is_quoted=st.booleans())
def test_both_ways_give_the_rows_that_were_written(
    bench: Bench, written: Written, rows: Sequence[Row], quoted: set[str], is_quoted: bool
):
    def chosen(text: str) -> bool:
        # A quote around an empty field only changes what it looks like.
        return is_quoted or text in quoted

    expected = rows_of(rows, written.null)
    text = written.text(rows, chosen)
    press = PRESSES[written.press]

    assert bench.sent(press(text.encode(written.encoding)), written.reading) == (expected, 0)

    faulty = text + written.end * (not written.is_ended) + "a record of one field" + written.end
    if written.delimiter == " ":
        faulty = faulty.replace("a record of one field", "one")
    assert bench.sent(press(faulty.encode(written.encoding)), written.reading) == (expected, 1)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.text(st.sampled_from("ab5,,\\. \t\0\u20ac"), max_size=8), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    press=st.sampled_from(sorted(PRESSES)),
)
def test_each_line_lands_or_is_refused(bench: Bench, lines: Sequence[str], end: str, press: str):
    content = end.join([",".join(NAMES), *lines, "1,2,3", ""])
    read = [line.split(",") for line in [*lines, "1,2,3"] if line]
    good = [tuple(row) for row in read if len(row) == len(NAMES) and "\0" not in "".join(row)]

    landed, refused = bench.sent(PRESSES[press](content.encode()), FilesOfEntity(files="*"))

    assert (landed, refused) == (rows_of(good, ""), len(read) - len(good))


@settings(max_examples=40, deadline=None)
@given(junk=JUNK, rows=st.lists(st.tuples(*[st.sampled_from("xyz")] * 3), min_size=1))
def test_good_lines_behind_junk_land(bench: Bench, junk: Sequence[str], rows: Sequence[Row]):
    """A quote that junk opens takes no more than up to the next quote."""
    good = [",".join(map(str, row)) for row in rows]
    content = "\n".join([",".join(NAMES), *junk, '"q","q","q"', *good, ""])

    landed, _ = bench.sent(content.encode(), FilesOfEntity(files="*"))

    assert landed[-len(rows) :] == rows
