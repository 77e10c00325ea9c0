"""What files of sql/ make stays expected until a later statement takes it away."""

from __future__ import annotations

import pytest

from tidemark.install.presence import expected

MADE = [
    "create schema app",
    "create table app.a (n int)",
    "create table if not exists b (n int)",
    "create view v as select 1",
    "create function f(n int, m int) returns int language sql",
    'create type "Kind" as enum ()',
]
ALL = {"app.a", "public.b", "public.v", "public.f", "public.Kind"}


@pytest.mark.parametrize(
    ("statement", "gone"),
    [
        ("select 1", set()),
        ("drop table if exists app.a, b cascade", {"app.a", "public.b"}),
        ("drop view v", {"public.v"}),
        ("DROP ROUTINE f(int, int)", {"public.f"}),
        ('drop type "Kind"', {"public.Kind"}),
        ("drop schema app cascade", {"app.a"}),
        ("alter table b rename to c", {"public.b"}),
        ("alter table only b rename n to m", set()),
        ("alter table b rename column n to m", set()),
        ("alter function f(int, int) set schema app", {"public.f"}),
        ("drop table a", set()),
    ],
)
def test_what_a_later_statement_takes_away_is_not_expected(statement: str, gone: set[str]):
    found = expected([*(("1.sql", each) for each in MADE), ("2.sql", statement)])
    assert {f"{schema}.{name}" for _, schema, name in found} == ALL - gone


def test_what_is_made_again_is_of_the_file_that_did():
    steps = [("1.sql", "create view v as select 1"), ("2.sql", "drop view v; ")]
    assert expected([*steps, ("3.sql", "create view v as select 2")]) == {
        ("relation", "public", "v"): "3.sql"
    }
