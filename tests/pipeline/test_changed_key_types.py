"""Keys of many types that cleansing makes equal: their types decide which holds and which waits."""

from __future__ import annotations

import pytest

from tests.fix_areas import Dimension, Made, Make
from tidemark.batch.pipeline import run
from tidemark.layers import rejects
from tidemark.model import Overrides
from tidemark.trust import verify

JAN, FEB = "2025-01-01 00:00Z", "2025-02-01 00:00Z"

# The key's type in MRR and in STG, what the view makes of it, two keys that it makes one, the key.
KEYS = [
    ("text", "uuid", "k::uuid", ["A" * 32, "a" * 32], "a" * 8),
    ("numeric", "integer", "round(k)::integer", ["0.75", "1.00"], "1"),
    ("bigint", "text", "(k % 10)::text", ["7", "17"], "7"),
    ("text", "date", "k::date", ["2025-01-02", "Jan 2 2025"], "2025-01-02"),
    ("char(5)", "text", "lower(k)", ["AB", "ab"], "ab"),
    ("text", "char(5)", "lower(k)", ["AB", "ab"], "ab"),
    ("varchar(9)", "varchar(9)", "split_part(k, '-', 1)", ["x-1", "x-2"], "x"),
    ("bytea", "bytea", "substr(k, 1, 1)", ["\\x00", "\\x0001"], "\\x00"),
    ("int[]", "int[]", "array[k[1]]", ["{1}", "{1,2}"], "{1}"),
    ("int4range", "int4range", "int4range(lower(k), null)", ["[1,2)", "[1,3)"], "[1,)"),
    ("float8", "float8", "trunc(k)", ["0.1", "0.2"], "0"),
    ("float8", "float8", "case k when 1 then 'NaN' else k end", ["1", "NaN"], "NaN"),
    ("timestamptz", "timestamptz", "date_trunc('day', k, 'UTC')", [JAN, "2025-01-01 05:00Z"], "2"),
    ("timestamptz", "timestamptz", "case k when '-infinity' then k + '1d' else k end",
     ["-infinity", JAN], None),
]  # fmt: skip


@pytest.mark.further(one_in=6)
@pytest.mark.parametrize(("mirrored", "stored", "view", "pair", "key"), KEYS)
def test_two_keys_that_cleansing_makes_one(
    made: Make, mirrored: str, stored: str, view: str, pair: list[str], key: str | None
):
    things = Dimension(
        {"k": mirrored, "v": "text", "updated_at": "timestamptz"},
        ("k",),
        cleansed={"k": f"({view})::{stored}"},
        stored={"k": stored},
        settings={"deletes": "detect", "max_delete_ratio": 1, "lookback": "9000d"},
    )
    area = made(things)
    area.put(things, (pair[0], "first", JAN))
    area.run()
    area.put(things, (pair[1], "second", FEB))
    area.run()
    staged = "select k::text, v from stg_things where _deleted_at is null order by v"
    found = area.warehouse.rows("stg", staged)
    if key is None:  # two keys after all
        assert [v for _, v in found] == ["first", "second"]
        assert area.differences() == []
        return
    [(at, v)] = found
    assert (at.startswith(key), v) == (True, "first")
    assert open_reasons(area) == 1
    assert area.differences() == []

    area.warehouse.execute("dwh", "update dim_things set v = 'damaged' where thing_key <> 0")
    repair = verify.run(area.servers, area.area).repair()
    run(area.servers, area.area, overrides=Overrides(repair=repair))
    assert area.differences() == []

    area.delete(things, "v = 'first'", [])
    area.run()
    assert area.warehouse.rows("stg", staged) == [(at, "second")]
    assert open_reasons(area) == 0
    assert area.differences() == []


def open_reasons(area: Made) -> int:
    """Count the open rejects, each of which waits for a key."""
    with area.servers.session("stg", "test") as stg:
        found = rejects.listing(stg, area.area, entity=None, resolved=False, limit=9)
    assert all(one.reasons[0].startswith("key is taken by ") for one in found)
    return len(found)
