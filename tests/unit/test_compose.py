"""What placeholders of statements stand for, as the driver's pieces: no server is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2 import sql

from tidemark.postgres import compose
from tidemark.postgres.compose import Columns, Part

SQL = {"", "t.", "d.", " = ", " and ", " and f(", ", ", ")"}
"""What separates the names of `test_names_are_never_read_as_sql`."""
AB = Columns(("a", "b"))


def shown(text: str, **parts: Part) -> str:
    """Fill a text, and print names in brackets and values in angles."""
    return spelled(compose.filled(text, parts))


def pieces(composed: sql.Composable) -> Iterator[sql.Composable]:
    """Yield the parts of a composed statement."""
    if isinstance(composed, sql.Composed):
        for each in composed:
            yield from pieces(each)
    else:
        yield composed


def spelled(composed: sql.Composable) -> str:
    match composed:
        case sql.Composed():
            return "".join(map(spelled, composed))
        case sql.Identifier():
            return f"[{'.'.join(composed.strings)}]"
        case sql.Literal():
            return f"<{composed.wrapped}>"
        case _:
            assert isinstance(composed, sql.SQL)
            return composed.string


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select {nk} from t", "select [a], [b] from t"),
        ("select {d.nk}", "select d.[a], d.[b]"),
        ("array[{k.nk::text}]", "array[k.[a]::text, k.[b]::text]"),
        ("{max(nk) over w as nk}", "max([a]) over w as [a], max([b]) over w as [b]"),
        ("f({'nk', k.nk})", "f(<a>, k.[a], <b>, k.[b])"),
        ("f({l.nk as others})", "f(l.[a] as [c], l.[b] as [d])"),
        ("on {t.nk = d.nk} and x", "on t.[a] = d.[a] and t.[b] = d.[b] and x"),
        ("{t.nk = d.others}", "t.[a] = d.[c] and t.[b] = d.[d]"),
        (
            "{max(d.nk) filter (where d._live)}",
            "max(d.[a]) filter (where d._live), max(d.[b]) filter (where d._live)",
        ),
        ("{(s.nk = (r.nk))}", "(s.[a] = (r.[a])), (s.[b] = (r.[b]))"),
        ("{f(nk, r.nk) as nk}", "f([a], r.[a]) as [a], f([b], r.[b]) as [b]"),
        (
            "{nk is distinct from f(nk)}",
            "([a] is distinct from f([a]) or [b] is distinct from f([b]))",
        ),
        ("0 {+ length(nk)}", "0 + length([a])\n+ length([b])"),
        (
            "case {when nk = 1 then 'nk'} end",
            "case when [a] = 1 then <a>\nwhen [b] = 1 then <b> end",
        ),
        ("true {or nk = others}", "true or [a] = [c]\nor [b] = [d]"),
        (
            "{left join nk as d on t.others = d}",
            "left join [a] as d on t.[c] = d\nleft join [b] as d on t.[d] = d",
        ),
        ("'{{}}' {nk}", "'{}' [a], [b]"),
        ("no placeholder", "no placeholder"),
    ],
)
def test_an_expression_is_repeated_for_each_column(text: str, expected: str):
    assert shown(text, nk=AB, others=Columns(("c", "d"))) == expected


def test_sql_stands_as_it_is_where_its_name_is_the_whole_placeholder():
    parts: dict[str, Part] = {"nk": Columns(("a",)), "lag": sql.SQL("x")}
    assert shown("{lag}, {lag(nk)}", **parts) == "x, lag([a])"


def test_an_alias_may_be_a_part():
    assert shown("{d.nk = l.nk}", nk=Columns(("a",)), d=sql.Identifier("d0")) == "[d0].[a] = l.[a]"


def test_columns_are_compared_as_text_where_they_differ_and_nowhere_else():
    written = Columns(("a", "b"), texts=frozenset({"b"}))
    assert shown("{d.w is distinct from t.w}, {w}, {d.w = t.w}", w=written) == (
        "(d.[a] is distinct from t.[a] or d.[b]::text is distinct from t.[b]::text)"
        ", [a], [b], d.[a] = t.[a] and d.[b] = t.[b]"
    )


def test_columns_with_a_type_are_read_as_it_and_not_named_as_it():
    by = Columns(("a", "b"), types=("char", ""))
    assert shown("{d.nk = l.by}", by=by, nk=AB) == "d.[a] = l.[a]::char and d.[b] = l.[b]"
    assert shown("{by as nk}", by=by, nk=AB) == "[a]::char as [a], [b] as [b]"
    assert shown("{nk as by}", by=by, nk=AB) == "[a] as [a], [b] as [b]"


def test_a_list_of_sql_goes_beside_a_list_of_columns():
    limits = [sql.Literal(1), sql.Literal(2)]
    assert (
        shown("{f(nk, limits) as nk}", nk=AB, limits=limits)
        == "f([a], <1>) as [a], f([b], <2>) as [b]"
    )


def test_a_list_without_columns_takes_its_comma_along():
    text = "select {nk}, {none}, {max(none) as none}, x"
    assert shown(text, nk=AB, none=Columns(())).split() == ["select", "[a],", "[b],", "x"]


def test_what_goes_on_is_nothing_without_columns():
    assert shown("0 {+ length(none)}, x", none=Columns(())) == "0 , x"


def test_two_lists_without_columns_are_equal_and_not_distinct():
    assert shown("{a.none = b.none}", none=Columns(())) == "true"
    assert shown("{a.none is distinct from b.none}", none=Columns(())) == "false"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nkk}", r"\{nkk\} has no part"),
        ("{lag(nkk)}", r"\{lag\(nkk\)\} has no part"),
        ("{d.nkk}", r"\{d\.nkk\} has no part"),
        ("{d.one}", r"\{d\.one\} has no part"),
        ("{t.nk = d.none}", r"\{t.nk = d.none\} has lists of \[0, 2\] columns"),
        ("select {none} from t", "a list without columns has no comma behind it"),
        ("select {none}", "a list without columns has no comma behind it"),
    ],
)
def test_what_can_not_be_filled_is_an_error(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        shown(text, nk=AB, none=Columns(()), one=sql.SQL("x"))


def test_a_part_that_a_statement_has_no_placeholder_for_is_an_error():
    message = r"worktable, analyze: no placeholder is for landing, nk\."
    with pytest.raises(ValueError, match=message):
        compose.statement("tidemark.postgres.worktable", "analyze", nk=AB, landing=sql.SQL("x"))


def test_a_common_part_that_no_statement_of_the_file_has_a_placeholder_for_is_an_error():
    with pytest.raises(ValueError, match=r"worktable, analyze: no placeholder is for landing\."):
        compose.statement(
            "tidemark.postgres.worktable",
            "analyze",
            {"table": sql.SQL("x"), "landing": sql.SQL("x")},
        )


def test_a_placeholder_without_a_part_names_its_statement():
    with pytest.raises(ValueError, match=r"worktable, analyze: \{table\} has no part\."):
        compose.statement("tidemark.postgres.worktable", "analyze")


names = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=3)


@given(names)
def test_names_are_never_read_as_sql(odd: list[str]):
    """Quotes, dots, percent signs, braces and placeholders in a name stay in the name."""
    columns = Columns(tuple(odd))
    parts = compose.filled("{t.nk = d.nk} and f({'nk', d.nk})", {"nk": columns})
    quoted = [each for each in pieces(parts) if not isinstance(each, sql.SQL)]
    of_join = [sql.Identifier(name) for name in odd for _ in range(2)]
    of_pairs = [each for name in odd for each in (sql.Literal(name), sql.Identifier(name))]
    assert quoted == of_join + of_pairs
    assert {each.string for each in pieces(parts) if isinstance(each, sql.SQL)} <= SQL
