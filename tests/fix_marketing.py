"""The marketing area in a project of its own, and files for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sql.marketing.sample.drops import COLUMNS
from tests.fix_files import Dropped, csv_text, of_the_house
from tidemark.model import ServerName

Person = tuple[object, str]
"""Id and region."""
Click = dict[str, Any]

STAR = (
    """
    select customer_id, first_name, last_name, email, signup_date::text, region,
        valid_from::text, valid_to::text, is_active, is_deleted, is_inferred
    from marketing.dim_customer where customer_key <> 0 order by customer_id, valid_from
    """,
    """
    select event_id, user_id, region, event_type, page_url, duration_ms, event_time::text
    from marketing.vw_click_events order by event_id
    """,
    "select event_date::text, region, event_type, events, users from marketing.engagement_daily "
    "order by 1, 2, 3",
)


def click(
    event_id: str | None, user_id: object = 1, at: str = "2025-01-01T10:00:00Z", **said: Any
) -> Click:
    """Make an event; `said` replaces what nothing is said of."""
    return {
        "event_id": event_id,
        "user_id": user_id,
        "event_type": "click",
        "page_url": "/",
        "duration_ms": 100,
        "timestamp": at,
        **said,
    }


@dataclass
class Website(Dropped):
    """The area, migrated. A test drops files of a day."""

    def people(self, date: str, *people: Person) -> None:
        """Drop the file of all customers."""
        rows = [
            (number, f"first{number}", f"last{number}", f"{number}@example.com", at, "2024/07/10")
            for number, at in people
        ]
        self.drop(f"marketing/customers/{date}.csv", csv_text(*rows, header=",".join(COLUMNS)))

    def clicks(self, date: str, *clicks: Click, name: str = "events") -> None:
        """Drop a file of events."""
        self.drop(f"marketing/clickstream/{date}/{name}.json", json.dumps(clicks))

    def dwh(self, query: str) -> list[tuple[Any, ...]]:
        return self.warehouse.rows("dwh", query)

    def star(self) -> list[list[tuple[Any, ...]]]:
        """What analysts see: customers, events, engagement."""
        return [self.dwh(query) for query in STAR]

    def rejects(self) -> list[tuple[Any, ...]]:
        """Entity and reasons of rejects, and whether they are open."""
        return self.warehouse.rows(
            "stg",
            "select entity, reasons, resolved_at is null from stg_rejects order by reject_id",
        )


Websites = Callable[[str], Website]


@pytest.fixture
def websites(platforms: dict[ServerName, str], tmp_path: Path) -> Iterator[Websites]:
    """Make the area in a project and in databases of the name that is given."""
    with ExitStack() as stack:

        def make(name: str) -> Website:
            made = of_the_house(platforms, tmp_path / name, "marketing")
            return Website(*stack.enter_context(made))

        yield make


@pytest.fixture
def website(websites: Websites) -> Website:
    """The area, migrated; nothing is dropped yet."""
    return websites("website")
