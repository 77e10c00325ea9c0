"""Events of the website, made up session by session; no I/O and no clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from .drops import Event
from .people import key

PAGES = ("/", "/offers", "/products", "/products/tea", "/products/lamps", "/about", "/cart")
SITE = "https://shop.example.com"
GOES_ON = {"page_view": 0.55, "click": 0.45, "add_to_cart": 0.6}
"""Type -> how likely the next type follows it in a session."""
TYPES = ("page_view", "click", "add_to_cart", "form_submit")
LONGEST = timedelta(minutes=15)
"""Between two events of a session."""


def session(rng: Random, user: int | None, begins: datetime) -> Iterator[Event]:
    """Yield the events of one session, without ids: pages, and for some the way to a form."""
    at, step = begins, 0
    for _ in range(rng.randrange(1, 7)):
        yield _event(rng, user, TYPES[step], at)
        if TYPES[step] == "form_submit":
            return
        if rng.random() < GOES_ON[TYPES[step]]:
            step += 1
        at += timedelta(seconds=rng.randrange(3, round(LONGEST.total_seconds())))


def beginning(rng: Random, on: date) -> datetime:
    """Draw when a session begins: so early that it ends on the same day (UTC)."""
    midnight = datetime.combine(on, time(), UTC)
    return midnight + timedelta(seconds=rng.randrange(22 * 3600))


def _event(rng: Random, user: int | None, event_type: str, at: datetime) -> Event:
    return {
        "event_id": None,
        "user_id": _written(rng, user),
        "event_type": event_type if rng.random() < 0.97 else event_type.upper(),
        "page_url": SITE + rng.choice(PAGES),
        "duration_ms": rng.randrange(400, 180_000)
        if event_type == "page_view"
        else rng.randrange(20, 2_000),
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _written(rng: Random, user: int | None) -> Any:
    """Write a customer's id as events do: a number, but for a few clients that send a text."""
    if user is None or rng.random() < 0.95:
        return user
    return rng.choice((str(user), key(user)))


def malformed(event: Event, place: int) -> Event:
    """Spoil an event, each place in another way."""
    ways: tuple[Event, ...] = (
        {"event_type": "hover"},
        {"duration_ms": -1},
        {"timestamp": "yesterday"},
        {"user_id": "guest"},
        {"page_url": "about:blank"},
    )
    return event | ways[place % len(ways)]
