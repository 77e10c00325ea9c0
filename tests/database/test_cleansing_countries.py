"""Routines of cleansing belong to the platform: a view of any area may call them."""

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_servers import HOME
from tests.queries import execute, rows, value

MOVED = HOME / "sql" / "retail" / "stg" / "20_platform_cleansing.sql"


@pytest.mark.parametrize(
    ("spelling", "code", "name"),
    [
        ("UK", "GB", "United Kingdom"),
        (" great  britain", "GB", "United Kingdom"),
        ("gbr", "GB", "United Kingdom"),
        ("Côte d'Ivoire", "CI", "Côte d'Ivoire"),
        ("n/a", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_country_is_known_however_it_is_written(
    stg: Connection, spelling: str | None, code: str | None, name: str | None
) -> None:
    query = "select tidemark.country_code(%s), tidemark.country_name(%s)"
    assert rows(stg, query, [spelling, spelling]) == [(code, name)]


@pytest.mark.parametrize(
    ("phone", "country", "made"),
    [("+49 30 1234567", None, "+49301234567"), ("030 1234567", None, None), (None, "DE", None)],
)
def test_without_a_country_only_a_plus_says_where_a_phone_is(
    stg: Connection, phone: str | None, country: str | None, made: str | None
) -> None:
    assert value(stg, "select tidemark.phone_number(%s, %s)", [phone, country]) == made


def test_what_a_view_of_somebody_calls_stays_when_routines_move(stg: Connection) -> None:
    execute(stg, "create function public.clean_text(p_text text) returns text return p_text")
    execute(stg, "create function public.is_email(p_text text) returns boolean return true")
    execute(stg, "create view public.own as select public.clean_text('a') as a")
    execute(stg, MOVED.read_text("utf-8"))
    assert value(stg, "select a from public.own") == "a"
    assert value(stg, "select to_regproc('public.is_email')") is None
