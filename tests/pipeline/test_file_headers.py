"""Files whose header has changed, files that can't be read, and whether they stop a run."""

from __future__ import annotations

import gzip

import pytest

from tests.fix_files import THINGS, Drop, Dropped, csv_text
from tidemark.errors import ContractError

FIRST = {"things/1.csv": csv_text((1, "a"))}
TAKEN = ("things/1.csv", "taken", 1, 0)
WIDER = csv_text((2, "b", "c"), header="id,v,w")


def stops(area: Dropped, message: str) -> None:
    """Run, and find that nothing has moved."""
    before = area.files(), area.history()
    with pytest.raises(ContractError, match=message):
        area.run()
    assert (area.files(), area.history()) == before


def test_a_new_column_is_added_to_the_mirror(dropped: Drop):
    area = dropped(FIRST)
    area.run()
    area.drop("things/2.csv", WIDER)
    area.run()
    area.drop("things/3.csv", csv_text((3, "d"), header="id,v"))
    stops(area, r"things/3\.csv of files can't be taken: it lacks the column 'w'\.")
    assert area.mrr("id, v, w") == [("1", "a", None), ("2", "b", "c")]


def test_a_new_column_may_be_ignored(dropped: Drop):
    area = dropped(FIRST, entities={"things": {**THINGS, "on_new_column": "ignore"}})
    area.run()
    area.drop("things/2.csv", WIDER)
    area.run()
    assert area.mrr("id, v, to_jsonb(m) ? 'w'", "mrr_things as m") == [
        ("1", "a", False),
        ("2", "b", False),
    ]
    assert area.differences() == []


def test_a_new_column_may_stop_the_run(dropped: Drop):
    area = dropped(FIRST, entities={"things": {**THINGS, "on_new_column": "fail"}})
    area.run()
    area.drop("things/2.csv", WIDER)
    stops(area, r"column 'w' \(text\) is new in things/\*\.csv, and .* says `on_new_column: fail`")


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id", "it lacks the column 'v': its header is one column, 'id'"),
        ("id,w", "it lacks the column 'v', and has the column 'w', which MRR lacks"),
        ("key,v", "it lacks the column 'id', and has the column 'key', which MRR lacks"),
    ],
)
def test_a_header_that_loses_or_renames_a_column_stops_the_run(
    dropped: Drop, header: str, said: str
):
    area = dropped(FIRST)
    area.run()
    area.drop("things/2.csv", csv_text((2,) if "," not in header else (2, "b"), header=header))
    area.drop("things/3.csv", csv_text((3, "c")))
    stops(area, rf"things/2\.csv of files can't be taken: {said}")


BAD = {
    "encoding": b"id,v\n2,\xff\n",
    "damage": gzip.compress(csv_text(*[(2, "b")] * 99).encode())[:-9],
    "no column": b"id\n2\n",
    "delimiter": b"id;v\n2;b\n",
}


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("policy", "stopping"),
    [({}, {"no column", "delimiter"}), ({"on_bad_file": "stop"}, {*BAD}),
     ({"on_bad_file": "set_aside"}, set())],
    ids=["unset", "stop", "set_aside"],
)  # fmt: skip
def test_a_bad_file_stops_the_run_or_is_set_aside(
    dropped: Drop, policy: dict[str, str], stopping: set[str]
):
    area = dropped(FIRST, **policy)
    area.run()
    for kind, content in BAD.items():
        bad = area.drop(f"things/{kind}.csv", content)
        good = area.drop(f"things/{kind} good.csv", csv_text((2, kind)))
        if kind in stopping:
            stops(area, rf"things/{kind}\.csv of files can't be taken: .*`on_bad_file: set_a")
            bad.unlink()
            good.unlink()
        else:
            area.run()
    aside = [kind for kind in BAD if kind not in stopping]
    expected = [(f"things/{kind}.csv", "set_aside", 0, 0) for kind in aside]
    expected += [(f"things/{kind} good.csv", "taken", 1, 0) for kind in aside]
    assert area.files() == sorted([TAKEN, *expected])
