"""The sample application of the retail area: `tidemark seed` is its function `seed`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import sqlalchemy as sa
import typer

from tidemark.errors import ConfigError, UsageError

from . import store
from .day import Day
from .history import History, Progress, write

# The upper bound of an extraction trails the clock by a second: a run that starts sooner after a
# business day would leave it to the run after that.
EXTRACTION_MARGIN = timedelta(seconds=1.1)


def seed(
    engine: sa.Engine,
    *,
    customers: Annotated[int, typer.Option(min=1, help="Customers to make.")] = 10_000,
    products: Annotated[int, typer.Option(min=1, help="Products to make.")] = 500,
    sales: Annotated[int, typer.Option(min=0, help="Sales to make, over two years.")] = 200_000,
    dirty: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the new rows that break business rules.")
    ] = 0.01,
    random_seed: Annotated[
        int, typer.Option(help="The same number on the same day gives the same rows.")
    ] = 1,
    day: Annotated[
        bool, typer.Option("--day", help="Play one more business day on what is there.")
    ] = False,
    until: Annotated[
        datetime | None,
        typer.Option(
            help="UTC. The history ends with the midnight before it (default: today's); "
            "a business day happens in the hours before it (default: now)."
        ),
    ] = None,
    progress: Progress,
) -> dict[str, int]:
    """Fill the sample application with two years of sales, or play one more business day.

    Either is one transaction, so an interrupted one leaves nothing behind.

    Returns:
        What was done, counted.

    Raises:
        ConfigError: the tables are missing, hold rows already, or (with `day`) hold none.
        UsageError: `until` is in the future.
    """
    with engine.begin() as connection:
        tables = store.reflect(connection)
        # Of two seeds at once, the second waits here and then sees the rows of the first.
        connection.execute(sa.text(f"lock table {', '.join(store.NAMES)} in exclusive mode"))
        now = connection.scalars(sa.select(sa.func.now())).one()
        until = _not_after(now, until)
        _check_content(connection, tables, wanted=day)
        if day:
            played = Day(connection, tables, until, random_seed=random_seed, dirty=dirty)
            counts = played.play(progress)
        else:
            totals = {"customers": customers, "products": products, "sales": sales}
            made = History(totals, random_seed=random_seed, dirty=dirty, until=until)
            counts = write(connection, tables, made, progress)
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_sleep_until(now + EXTRACTION_MARGIN)))
    return counts


def _not_after(now: datetime, until: datetime | None) -> datetime:
    """Return `until` in UTC, where one without a zone is taken to be; now if there is none."""
    if until is None:
        return now.astimezone(UTC)
    until = until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    if until > now:
        raise UsageError(
            f"--until: {until:%Y-%m-%d %H:%M} UTC is in the future of the operational database, "
            "where no batch would extract it. Name an earlier instant."
        )
    return until


def _check_content(connection: sa.Connection, tables: list[sa.Table], *, wanted: bool) -> None:
    for table in tables:
        is_empty = store.is_empty(connection, table)
        if wanted and is_empty:
            raise ConfigError(
                f"{table.name}: the table is empty, and a business day goes on from customers, "
                "products and sales. Make them first with `tidemark seed`."
            )
        if not (wanted or is_empty):
            raise ConfigError(
                f"{table.name}: the table holds rows already, and a second history would "
                "contradict them. Play one more business day with `tidemark seed --day`."
            )
