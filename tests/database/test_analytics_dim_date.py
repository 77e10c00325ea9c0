"""The date dimension: filled by years, every column derived from the date."""

from datetime import date

import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from tests.queries import execute, rows, value

HOLIDAYS = '{"2025-12-25": "Christmas Day", "2031-01-01": "of a year not asked for"}'


def test_years_are_added_whole_and_once(dwh: Connection) -> None:
    add = "select tidemark.add_years_to_dim_date(%s, '{}')"

    assert value(dwh, add, [[2024, 2025, 2025]]) == 366 + 365
    assert value(dwh, add, [[2025, 2026]]) == 365
    assert value(dwh, add, [[]]) == 0
    assert rows(
        dwh, "select min(full_date), max(full_date), count(*) from dwh_dim_date where date_key > 0"
    ) == [(date(2024, 1, 1), date(2026, 12, 31), 366 + 365 + 365)]


def test_every_column_of_a_date_follows_from_it(dwh: Connection) -> None:
    execute(dwh, "select tidemark.add_years_to_dim_date(array[2024, 2025], %s)", [HOLIDAYS])

    assert rows(
        dwh,
        """
        select
            date_key, full_date, year, quarter, month, month_name, week, iso_year, day_of_month,
            day_of_week, day_name, day_of_year, is_weekend, is_holiday, holiday_name
        from dwh_dim_date where date_key in (20240229, 20241229, 20241230, 20251225)
        order by date_key
        """,
    ) == [
        (20240229, date(2024, 2, 29), 2024, 1, 2, "February", 9, 2024, 29)
        + (4, "Thursday", 60, False, False, None),
        (20241229, date(2024, 12, 29), 2024, 4, 12, "December", 52, 2024, 29)
        + (7, "Sunday", 364, True, False, None),
        (20241230, date(2024, 12, 30), 2024, 4, 12, "December", 1, 2025, 30)
        + (1, "Monday", 365, False, False, None),
        (20251225, date(2025, 12, 25), 2025, 4, 12, "December", 52, 2025, 25)
        + (4, "Thursday", 359, False, True, "Christmas Day"),
    ]


def test_a_date_that_is_there_keeps_its_holiday(dwh: Connection) -> None:
    execute(dwh, "select tidemark.add_years_to_dim_date(array[2025], %s)", [HOLIDAYS])
    execute(dwh, "select tidemark.add_years_to_dim_date(array[2025], '{}')")

    assert rows(dwh, "select full_date, holiday_name from dwh_dim_date where is_holiday") == [
        (date(2025, 12, 25), "Christmas Day")
    ]


def test_the_months_and_days_have_english_names(dwh: Connection) -> None:
    execute(dwh, "select tidemark.add_years_to_dim_date(array[2025], '{}')")

    months = rows(
        dwh, "select distinct month, month_name from dwh_dim_date where month > 0 order by 1"
    )
    days = rows(
        dwh, "select distinct day_of_week, day_name from dwh_dim_date where year > 0 order by 1"
    )
    assert [
        name[:3] for _, name in months
    ] == "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    assert [name[:3] for _, name in days] == "Mon Tue Wed Thu Fri Sat Sun".split()


def test_a_holiday_on_no_date_is_refused(dwh: Connection) -> None:
    with pytest.raises(errors.DatetimeFieldOverflow):
        execute(dwh, 'select tidemark.add_years_to_dim_date(array[2025], \'{"2025-02-30": "x"}\')')


def test_the_unknown_date_is_no_date_and_nothing_follows_from_it(dwh: Connection) -> None:
    found = rows(dwh, "select to_jsonb(d) from dwh_dim_date as d where date_key = 0")

    known = {name: value for name, value in found[0][0].items() if value is not None}
    assert known == {"date_key": 0, "is_holiday": False}


@pytest.mark.parametrize("day", ["null", "date '2025-01-01'"])
def test_a_key_says_which_date_it_is(dwh: Connection, day: str) -> None:
    with pytest.raises(errors.CheckViolation, match="dwh_dim_date_key_is_the_date"):
        execute(dwh, f"insert into dwh_dim_date (date_key, full_date) values (20250102, {day})")
