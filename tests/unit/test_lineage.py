"""What a view's text shows is bounded by what PostgreSQL has noted; and texts of columns."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tidemark.console import lineage, printed
from tidemark.console.lineage import Drawn, Relation

TABLE = Relation(("s", "t"), ("a", "b", "c"))


def place(column: str) -> lineage.Place:
    return ("s", "t", column)


def read(definition: str, *noted: str, columns: tuple[str, ...] = ("one",)) -> Mapping[str, Drawn]:
    """Read a view of which PostgreSQL has noted these columns."""
    view = Relation(("s", "v"), columns, definition, frozenset(map(place, noted)))
    return lineage.read(view, {TABLE.name: TABLE})


def test_what_postgresql_alone_knows_may_count():
    found = read("select a as one from s.t", "a", "b")
    assert found == {"one": Drawn(frozenset({place("a")}), maybe=frozenset({place("b")}))}


def test_what_postgresql_knows_nothing_of_does_not_count():
    found = read("select a || c as one from s.t", "a", "b")
    assert found["one"].values == {place("a")}
    assert found["one"].maybe == {place("b")}
    assert not found["one"].is_whole


@pytest.mark.parametrize(
    "definition", ["", "select (", "select a, b from s.t", "drop table s.t", "?"]
)
def test_a_view_that_cant_be_read_has_columns_all_the_same(definition: str):
    assert read(definition, "a", "b") == {
        "one": Drawn(maybe=frozenset({place("a"), place("b")}), is_whole=False)
    }


def test_a_view_that_is_too_long_or_too_deep_is_not_read():
    for definition in ("select " + "(" * 5000 + "a", "select a as one from s.t" + " " * 200_000):
        assert not read(definition, "a")["one"].is_whole
        assert not printed.expressions(definition)


TEXTS = {
    "select t.a, upper(t.b) as b from t;": [("t.a",), ("upper(t.b)",)],
    "select distinct on (a, b) c, d as e from t;": [("c",), ("d",)],
    "select distinct a from t;": [("a",)],
    "select a is distinct from b as c, d from t;": [("a is distinct from b",), ("d",)],
    "with c as (select x from y) select '(,from' as a from c;": [("'(,from'",)],
    "select a, 1 as n from t union all select b, 1 as n from u;": [("a", "b"), ("1",)],
    "select array[a, b] as x, case when a then b end as y;": [
        ("array[a, b]",),
        ("case when a then b end",),
    ],
    'select "A,b" as "from" from t;': [('"A,b"',)],
    "(select a from t) union select b from u;": [],
    "select '": [],
}


@pytest.mark.parametrize("definition", TEXTS)
def test_the_text_of_a_column_is_that_of_postgresql(definition: str):
    assert [*printed.expressions(definition)] == TEXTS[definition]
