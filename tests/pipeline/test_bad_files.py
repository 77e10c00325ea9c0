"""Bad files: each has an outcome of its own, and a good file beside it lands."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import zstandard

from tests.fix_files import Dropped, dropping
from tidemark.model import ServerName

Refused = Sequence[tuple[int, str]]
"""Physical line, and the reason."""


@dataclass(frozen=True)
class Case:
    """A file, and what becomes of it. Each `@` of its content is the number of the case."""

    content: bytes
    landed: Sequence[str | None] = ()
    """The values of v, by the numbers of their records."""
    refused: Refused = ()
    reason: str | None = None
    """Why the file is set aside."""
    entity: str = "things"


def lines(*rows: bytes, end: bytes = b"\n", header: bytes = b"id,v") -> bytes:
    return b"".join(row + end for row in (header, *rows))


ONE, TWO = b"@a,one", b"@b,two"
BOTH = ["one", "two"]
SHORT = "1 fields, where 2 are expected"
LONG = b"x" * (9 << 20)
"""More than a line may have."""

CASES = {
    "empty": Case(b""),
    "header only": Case(lines()),
    "header without an end": Case(b"id,v"),
    "only blank lines": Case(b"\n\n"),
    "blank first line": Case(b"\n" + lines(ONE), reason="first line is empty"),
    "missing column": Case(lines(b"@a", header=b"id"), reason="it lacks the column 'v'"),
    "missing key": Case(lines(b"one", header=b"v"), reason="it lacks the column 'id'"),
    "renamed column": Case(
        lines(ONE, header=b"id,w"), reason="lacks the column 'v', and has the column 'w'"
    ),
    "duplicate column": Case(
        lines(b"@a,one,x", header=b"id,v,v"), reason="columns 2 and 3 of its header have one name"
    ),
    "no header line": Case(
        lines(TWO, header=ONE), reason="its first line names no column that MRR has. Set `header"
    ),
    "unnamed column": Case(
        lines(b"@a,one,x", header=b"id,v,"), reason="column 3 of its header has no name"
    ),
    "wrong delimiter": Case(lines(b"@a;one", header=b"id;v"), reason="Set `delimiter: ';'`"),
    "wrong delimiter, many columns": Case(
        lines(b"@a;one", header=b";".join(b"a_long_name_%d" % n for n in range(9))),
        reason="Set `delimiter: ';'`",
    ),
    "reordered columns": Case(lines(b"one,@a", header=b"v,id"), ["one"]),
    "spaced names": Case(lines(ONE, header=b" id , v"), ["one"]),
    "open quote in header": Case(
        lines(*[ONE] * 200_000, header=b'id,"v'), reason="a quote in it is open"
    ),
    "byte order mark": Case(b"\xef\xbb\xbf" + lines(ONE), ["one"]),
    "UTF-16 with mark": Case(lines(ONE).decode().encode("utf-16"), reason="Set `encoding: utf-16`"),
    "UTF-16 without mark": Case(lines(ONE).decode().encode("utf-16-le"), reason="is it UTF-16"),
    "latin-1 row": Case(lines(ONE, b"@b,tw\xf6"), reason="it is not UTF-8 (byte 0xf6"),
    "latin-1 header": Case(lines(ONE, header=b"id,\xf6"), reason="header is not UTF-8 (byte 0xf6)"),
    "picture": Case(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", reason="UTF"),
    "NUL": Case(lines(b"@a,o\0ne", TWO), ["two"], [(2, "it has a NUL character")]),
    "quotes and newlines": Case(lines(b'@a,"o""n\ne"', TWO), ['o"n\ne', "two"]),
    "fault behind newlines": Case(lines(b'@a,"o\nne"', b"@x", TWO), ["o\nne", "two"], [(4, SHORT)]),
    "stray quotes": Case(lines(b'@a,5" disk', b'@b,6" disk'), ['5" disk', '6" disk']),
    "text behind a quote": Case(
        lines(b'@a,"5" disk"', TWO),
        ["two"],
        [(2, "something follows the closing quote of a field")],
    ),
    "end of data": Case(lines(ONE, rb"\.", TWO), BOTH, [(3, SHORT)]),
    "mixed ends": Case(b"id,v\r\n" + ONE + b"\r" + TWO + b"\n", BOTH),
    "CR ends": Case(lines(ONE, TWO, end=b"\r"), BOTH),
    "CRLF ends": Case(lines(ONE, TWO, end=b"\r\n"), BOTH),
    "CR ends with a fault": Case(lines(ONE, b"@x", TWO, end=b"\r"), BOTH, [(3, SHORT)]),
    "blank lines": Case(lines(b"", ONE, b"", b"", TWO, b""), BOTH),
    "no last end": Case(lines(ONE, TWO)[:-1], BOTH),
    "open quote at the end": Case(
        lines(ONE, b'@b,"two'), ["one"], [(3, "a quote is opened, and not closed")]
    ),
    "open quote": Case(
        lines(b'@a,"one', TWO, b"@c,three"),
        ["two", "three"],
        [(2, "a quote is opened, and not closed")],
    ),
    "too short, too long": Case(
        lines(b"@x", TWO, b"@y,a,b"), ["two"], [(2, SHORT), (4, "3 fields, where 2 are expected")]
    ),
    "100 MB line": Case(
        lines(b'@a,"' + b"x" * (100 << 20) + b'"', TWO), ["two"], [(2, "it is longer than 8 MB")]
    ),
    "open quote before a long line": Case(
        lines(b'@a,"one', b"@c," + LONG, TWO),
        ["two"],
        [(2, "a quote is opened, and not closed"), (3, "it is longer than 8 MB")],
    ),
    "no key": Case(lines(b",one", TWO), ["two"], [(2, "key is null: id")]),
    "nothing and an empty text": Case(lines(b"@a,", b'@b,""', TWO), [None, None, "two"]),
    "a key twice": Case(lines(ONE, b"@a,again"), ["one", "again"]),
    "truncated gzip": Case(gzip.compress(lines(*[ONE] * 999))[:-9], reason="truncated or damaged"),
    "concatenated gzip": Case(gzip.compress(lines(b"gza,one")) + gzip.compress(b"gzb,two"), BOTH),
    "garbage behind gzip": Case(
        gzip.compress(lines(ONE)) + b"garbage", reason="truncated or damaged"
    ),
    "truncated zstd": Case(
        zstandard.compress(lines(*[ONE] * 999))[:-3], reason="truncated or damaged"
    ),
    "concatenated zstd": Case(
        zstandard.compress(b"")
        + zstandard.compress(b"\xef\xbb\xbfid")
        + zstandard.compress(b",v\nzst,one\n"),
        ["one"],
    ),
    "zstd of a large window": Case(
        b"\x28\xb5\x2f\xfd\x00\x90" + (len(lines(ONE)) * 8 + 1).to_bytes(3, "little") + lines(ONE),
        reason="takes more than 128 MB of memory",
    ),
    "garbage behind zstd": Case(
        zstandard.compress(lines(ONE)) + b"garbage", reason="truncated or damaged"
    ),
}


def jsonl(*documents: bytes, end: bytes = b"\n") -> bytes:
    return b"".join(one + end for one in documents)


GOOD, BETTER = b'{"id": "@a", "v": "one"}', b'{"id": "@b", "v": "two"}'
NO_JSON = "document: not a valid jsonb"
NUL_ESCAPE, TOO_DEEP = f"{NO_JSON} (error 22P05)", f"{NO_JSON} (error 54001)"
DEEP = b"[" * 20_000 + b"]" * 20_000

CASES |= {
    "lines": Case(jsonl(GOOD, b"", BETTER)[:-1], BOTH, entity="docs"),
    "array for lines": Case(b"[" + GOOD + b"]", reason="Set `format: json`", entity="docs"),
    "lines for array": Case(jsonl(GOOD, BETTER), reason="Set `format: jsonl`", entity="arrays"),
    "number for array": Case(b"7", reason="it is no array of documents", entity="arrays"),
    "no document": Case(b" \n", entity="arrays"),
    "no documents": Case(b"[]", entity="arrays"),
    "array": Case(b"[" + GOOD + b",\r\n" + BETTER + b"]\n", BOTH, entity="arrays"),
    "open array": Case(
        b"[" + GOOD + b"," + BETTER, reason="breaks off behind document 1", entity="arrays"
    ),
    "two arrays": Case(
        b"[" + GOOD + b"][" + BETTER + b"]", reason="something follows its array", entity="arrays"
    ),
    "broken in an array": Case(
        b"[" + GOOD + b',{"id": 7,}]', reason="breaks off behind document 1", entity="arrays"
    ),
    "deep array": Case(
        b"[" + GOOD + b"," + DEEP + b"]", reason="nested too deeply", entity="arrays"
    ),
    "deep line": Case(
        jsonl(GOOD, b'{"id": "x", "v": ' + DEEP + b"}", BETTER),
        BOTH,
        [(2, TOO_DEEP)],
        entity="docs",
    ),
    "nested nulls": Case(
        jsonl(b'{"id": "@a", "v": null, "x": [null, {"y": null}]}'), [None], entity="docs"
    ),
    "broken line": Case(jsonl(GOOD, b'{"id": "@x"', BETTER), BOTH, [(2, NO_JSON)], entity="docs"),
    "escaped NUL": Case(
        jsonl(GOOD, b'{"id": "@x", "v": "\\u0000"}', BETTER), BOTH, [(2, NUL_ESCAPE)], entity="docs"
    ),
    "escaped NUL in an array": Case(
        b'[{"id": "@x", "v": "\\u0000"},' + GOOD + b"]", ["one"], [(1, NUL_ESCAPE)], entity="arrays"
    ),
    "NUL in a document": Case(
        jsonl(GOOD, b'{"id": "@x\0"}', BETTER), BOTH, [(2, "it has a NUL character")], entity="docs"
    ),
    "invalid UTF-8": Case(
        jsonl(GOOD, b'{"id": "@x\xff"}'), reason="byte 0xff in line 2", entity="docs"
    ),
    "invalid UTF-8 in an array": Case(b'[{"id": "@x\xff"}]', reason="byte 0xff", entity="arrays"),
    "scalars": Case(
        jsonl(b"7", b"null", b'"x"', GOOD),
        ["one"],
        [(n, "key is null: id") for n in (1, 2, 3)],
        entity="docs",
    ),
    "numbers as keys": Case(
        jsonl(b'{"id": @1.50, "v": "one"}', b'{"id": @2e2, "v": "two"}', b"{}"),
        BOTH,
        [(3, "key is null: id")],
        entity="docs",
    ),
    "long number": Case(
        jsonl(b'{"id": "@a", "v": "one", "n": ' + b"9" * 5000 + b"}", b"{}"),
        ["one"],
        [(2, "key is null: id")],
        entity="docs",
    ),
    "CR ends of documents": Case(jsonl(GOOD, BETTER, end=b"\r"), BOTH, entity="docs"),
    "CR ends with a broken line": Case(
        jsonl(GOOD, b"{}", BETTER, end=b"\r"), BOTH, [(2, "key is null: id")], entity="docs"
    ),
    "mixed ends of documents": Case(GOOD + b"\r\n" + BETTER + b"\n", BOTH, entity="docs"),
    "CR within a document": Case(jsonl(GOOD, b'{"id": "@b",\r"v": "two"}'), BOTH, entity="docs"),
    "end of documents": Case(jsonl(GOOD, rb"\.", BETTER), BOTH, [(2, NO_JSON)], entity="docs"),
    "long document": Case(
        jsonl(GOOD, b'{"id": "@x", "v": "' + LONG + b'"}', BETTER),
        BOTH,
        [(2, "it is longer than 8 MB")],
        entity="docs",
    ),
    "long document of an array": Case(
        b"[" + GOOD + b',{"v": "' + LONG + b'"}]',
        reason="document 2 is broken, or longer than 8 MB",
        entity="arrays",
    ),
    "a document twice": Case(jsonl(GOOD, BETTER.replace(b"@b", b"@a")), BOTH, entity="docs"),
    "latin-1 that is declared": Case(lines(b"@a,\xf6"), ["\xf6"], entity="latin"),
    "UTF-8 where latin-1 is declared": Case(
        b"\xef\xbb\xbf" + lines(b"@a,x"), reason="begins like utf-8", entity="latin"
    ),
    "UTF-16 that is declared": Case("id,v\nu,\u20ac\n".encode("utf-16"), ["\u20ac"], entity="wide"),
    "UTF-16 that is declared, without mark": Case(
        "id,v\nu,\u20ac\n".encode("utf-16-le"),
        reason="Set `encoding: utf-16-le`, or",
        entity="wide",
    ),
    "UTF-16, half a character": Case(
        "id,v\nu,\u20ac\n".encode("utf-16")[:-1], reason="it is not utf-16", entity="wide"
    ),
    "UTF-8 where UTF-16 is declared": Case(
        lines(ONE), reason="it has no byte order mark", entity="wide"
    ),
    "no header": Case(lines(ONE, TWO, header=b"@x"), BOTH, [(1, SHORT)], entity="bare"),
    "no header, empty": Case(b"", entity="bare"),
}
ENTITIES: dict[str, dict[str, Any]] = {
    "things": {},
    "docs": {"format": "jsonl"},
    "arrays": {"format": "json"},
    "latin": {"encoding": "latin-1"},
    "wide": {"encoding": "utf-16"},
    "bare": {"header": False, "columns": ["id", "v"]},
}


def numbered(content: bytes, number: int) -> bytes:
    """Give a case keys of its own. What is compressed may hold an @ by chance, and stays."""
    compressed = content.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))
    return content if compressed else content.replace(b"@", b"%d" % number)


@pytest.fixture(scope="module")
def area(
    platforms: dict[ServerName, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dropped]:
    home = tmp_path_factory.mktemp("bad") / "project"
    entities = {
        name: {
            "source": {"files": f"{name}/**", **reading},
            "key": {"id": "$.id"} if "json" in str(reading) else ["id"],
        }
        for name, reading in ENTITIES.items()
    }
    good = {
        "things/AAA good": lines(ONE),
        "docs/AAA good": jsonl(GOOD),
        "arrays/AAA good": b"[" + GOOD + b"]",
        "latin/AAA good": lines(ONE),
        "wide/AAA good": lines(ONE).decode().encode("utf-16"),
        "bare/AAA good": ONE,
    }
    with dropping(platforms, home, "bad") as make:
        made = make(good, entities=entities, on_bad_file="set_aside")
        made.run()
        for number, (name, case) in enumerate(CASES.items()):
            made.drop(f"{case.entity}/{name}", numbered(case.content, number))
        made.run()
        yield made


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_has_an_outcome_of_its_own(area: Dropped, name: str):
    case, path = CASES[name], f"{CASES[name].entity}/{name}"
    v = "document ->> 'v' as v" if case.entity in {"docs", "arrays"} else "v"
    table = f"mrr_{case.entity}"
    query = f"select _seq, {v}, _file from {{}}"
    every = f"{query.format(table)} union all {query.format(table + '_history')}"
    rows = area.warehouse.rows
    landed = rows("mrr", f"select v from ({every}) as v where _file = %s order by _seq", [path])
    refused = rows(
        "mrr", "select line, reasons from tidemark.refused where item = %s order by line", [path]
    )
    ((status, taken, not_taken, reason),) = rows(
        "mrr", "select status, rows, refused, reason from tidemark.file where path = %s", [path]
    )
    assert [v for (v,) in landed] == [*case.landed]
    assert refused == [(line, [said]) for line, said in case.refused]
    assert (taken, not_taken) == (len(case.landed), len(case.refused))
    assert status == ("set_aside" if case.reason else "taken")
    assert (case.reason or "") in (reason or "")
    assert bool(case.reason) == bool(reason)
