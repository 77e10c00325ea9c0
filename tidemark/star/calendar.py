"""Keep `dwh_dim_date` covering every date that occurs, year by year."""

from __future__ import annotations

from collections.abc import Collection

from tidemark.declare.settings import Calendar
from tidemark.errors import ConfigError
from tidemark.postgres import compose, db
from tidemark.postgres.db import Session


def cover(session: Session, calendar: Calendar, years: Collection[int]) -> int:
    """Add the years that the date dimension lacks, with their public holidays.

    Args:
        session: on the DWH, in the publishing transaction.
        calendar: names the country of the holidays.
        years: years in which a date occurs; those that the dimension has are left alone.

    Returns:
        The number of days added.

    Raises:
        ConfigError: the `holidays` library does not know the country.
    """
    if not years:
        return 0
    known = {year for (year,) in session.rows(compose.statement(__name__, "years"))}
    missing = sorted(set(years) - known)
    if not missing:
        return 0
    import holidays  # The import takes 0.1 s, and a year is missing only once a year.

    try:
        named = holidays.country_holidays(calendar.holidays, years=missing)
    except NotImplementedError:
        raise ConfigError(
            f"sql/project.yml: calendar.holidays: {calendar.holidays!r} is no country that the "
            "holidays library knows. Use a code such as US, GB or DE."
        ) from None
    days = {day.isoformat(): name for day, name in named.items() if day.year in missing}
    return int(
        session.value(
            compose.statement(__name__, "add_years"),
            {"years": missing, "holidays": db.Json(days)},
        )
    )
