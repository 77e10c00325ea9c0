"""Keys of events: two spellings of one value are one key, in the mirror and for who compares it."""

from __future__ import annotations

import pytest

from tests.fix_posted import Post

SPELLINGS = {
    "integer": ("1", "01"),
    "numeric": ("1.0", "1.00"),
    "numeric(10, 2)": ("1", "1.001"),
    "timestamptz": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"),
    "date": ("2026-01-02", "20260102"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
    "boolean": ("true", "t"),
    "text": ("a", "a"),
}


@pytest.mark.parametrize("type_", sorted(SPELLINGS))
def test_two_spellings_of_a_key_are_one_row(posting: Post, type_: str):
    one, other = SPELLINGS[type_]
    made = posting({"things": {"source": {"fields": {"id": type_, "v": "text"}}, "key": ["id"]}})
    for spelling, value in ((one, "first"), (other, "second")):
        made.post("things", id=spelling, v=value)
    made.run()
    assert made.verified().is_equal
    for spelling, value in ((one, "third"), (other, "fourth")):
        made.post("things", id=spelling, v=value)
        made.run()
        assert made.rows("stg", "select v from stg_things") == [(value,)]
        assert made.verified().is_equal
