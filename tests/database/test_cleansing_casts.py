"""Texts of files as values of other types."""

from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute, value


@pytest.mark.parametrize(
    ("helper", "given", "expected"),
    [
        ("try_integer", " 42 ", "42"),
        ("try_integer", "-7", "-7"),
        ("try_integer", "2147483648", None),
        ("try_integer", "-2147483648", "-2147483648"),
        ("try_integer", "0000000000000000000000042", "42"),
        ("try_integer", "99999999999999999999", None),
        ("try_integer", "1.0", None),
        ("try_integer", "0x1F", None),
        ("try_integer", "1_000", None),
        ("try_money", "12.5", "12.50"),
        ("try_money", "999999999999.99", "999999999999.99"),
        ("try_money", "12.505", None),
        ("try_money", "1000000000000", None),
        ("try_money", "$5", None),
        ("try_money", "1,5", None),
        ("try_money", "1e3", None),
        ("try_money", "NaN", None),
        ("try_date", " 2025-12-06 ", "2025-12-06"),
        ("try_date", "2024-02-29", "2024-02-29"),
        ("try_date", "2025-02-29", None),
        ("try_date", "06/12/2025", None),
        ("try_date", "today", None),
        ("try_date", "infinity", None),
        *((helper, given, None)
          for helper in ("try_integer", "try_money", "try_date")
          for given in ("", " ", "n/a", None)),
    ],
)  # fmt: skip
def test_a_text_is_a_value_or_null(stg: Connection, helper: str, given: Any, expected: Any) -> None:
    execute(stg, "set datestyle = 'SQL, DMY'")
    query = f"select to_jsonb(tidemark.{helper}(%s)) #>> '{{}}'"
    assert value(stg, query, [given]) == expected


def test_a_helper_is_put_in_the_place_of_its_call(stg: Connection) -> None:
    plan = "explain verbose select tidemark.{}(conname::text) from pg_constraint"
    for helper in ("try_integer", "try_money", "try_date"):
        with stg.cursor() as cursor:
            cursor.execute(plan.format(helper))
            assert helper not in str(cursor.fetchall())
