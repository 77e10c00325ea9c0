"""What applications of an asset bank post day by day; no I/O and no clock.

A day follows from the random seed and its date alone: what it says of assets of the days before is
what they are called, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from tidemark.install.posting import Event

FIRST_DAY = date(2023, 10, 15)
FIRST_DAYS = tuple(FIRST_DAY + timedelta(days=n) for n in range(7))
PREFIX = "dab-"
"""How the ids of all events begin; their day follows."""

UPLOADS, USERS, PURCHASES, TRANSFERS = 40, 60, 50, 6
"""Of a day at scale 1; users in all."""
TYPES, WEIGHTS = ("generic", "cyoa", "podcast"), (70, 25, 5)
ROLES = ("root", "node", "leaf", None)
WORDS = ("amber", "bay", "cedar", "dune", "ember", "fjord", "grove", "harbour", "isle", "juniper")
AHEAD = timedelta(days=50 * 365)
"""How far in the future the time of an event is that has its clock wrong."""
OPENS, CLOSES = 7 * 3600, 22 * 3600
"""When the first and the last event is, in seconds of the day (UTC)."""
YOUNGEST_PURCHASE = 3600
"""Seconds for which those who look at what is new take their time, at most."""


@dataclass(frozen=True, slots=True)
class Start:
    """What all days follow from."""

    random_seed: int
    scale: int
    """How many times as many rows of everything."""


@dataclass(frozen=True, slots=True)
class Made:
    """An event, and when it is posted."""

    event: Event
    comes: datetime
    """Its own time, or a day later."""


def last(event_id: str | None) -> date | None:
    """Return the day of the greatest id of the sample; None, if there is none."""
    return date.fromisoformat(event_id.split("-")[1]) if event_id else None


def make(start: Start, on: date) -> list[Event]:
    """Return what is posted on a day, in its order: some events of the day before come late."""
    due = [made for each in (on - timedelta(days=1), on) for made in _Day(start, each).made()]
    today = [made for made in due if made.comes.date() == on]
    today.sort(key=lambda made: (made.comes, made.event.event_id))
    events = [made.event for made in today]
    return events + [event for event in events if event.event_id.endswith("D")]


def s3_key(on: date, number: int) -> str:
    """Return where an asset is: that of a day, by its number from 1 on."""
    return f"assets/{on:%Y/%m/%d}/{number:06}.bin"


class _Day:
    """The events of one day, by their own time."""

    def __init__(self, start: Start, on: date) -> None:
        self._on, self._scale = on, start.scale
        self._rng = Random(f"{start.random_seed} {on}")
        self._counts = dict.fromkeys("UPT", 0)

    def made(self) -> Iterator[Made]:
        if self._on < FIRST_DAY:
            return
        if self._on == FIRST_DAY:
            yield from self._of_the_document()
        begins = [self._at() for _ in range(UPLOADS * self._scale)]
        for number, at in enumerate(begins, 1):
            late = number % 20 == 7
            yield self._upload(s3_key(self._on, number), at, "L" if late else "")
            if late:
                yield self._purchase(s3_key(self._on, number), self._after(at), "B")
        for number in range(PURCHASES * self._scale):
            yield self._bought(begins, number)
        for number in range(TRANSFERS * self._scale):
            key, at = self._any_asset(begins)
            yield self._transfer(key, at, "L" if number % 3 == 2 else "")
        for _ in range(self._scale):
            key, at = self._any_asset(begins)
            yield self._upload(key, at, "R")
            yield self._purchase(self._any_asset(begins)[0], self._at() + AHEAD, "F", self._at())

    def _of_the_document(self) -> Iterator[Made]:
        """Yield the asset and the purchase with which the bank's document explains itself."""
        at = _midnight(self._on)
        key = "sample-asset-123.jpg"
        uploaded = at + timedelta(hours=14, minutes=30)
        yield self._made("U", uploaded, "", asset(key, "Sample asset", "generic", None))
        bought = at + timedelta(hours=14, minutes=45)
        yield self._made("P", bought, "", purchase(key, "user456", 100))

    def _bought(self, begins: list[datetime], number: int) -> Made:
        """Return a purchase; of ten, one comes twice and two come a day late."""
        key, at = self._any_asset(begins)
        mark = {3: "D", 5: "L", 8: "L"}.get(number % 10, "")
        return self._purchase(key, at, mark)

    def _any_asset(self, begins: list[datetime]) -> tuple[str, datetime]:
        """Return an asset of this day or the three days before, and a time after its upload."""
        on = max(self._on - timedelta(days=self._rng.randrange(4)), FIRST_DAY)
        number = self._rng.randrange(len(begins))
        at = self._after(begins[number]) if on == self._on else self._at()
        return s3_key(on, number + 1), at

    def _upload(self, key: str, at: datetime, mark: str) -> Made:
        (kind,) = self._rng.choices(TYPES, WEIGHTS)
        role = self._rng.choice(ROLES) if kind == "cyoa" else None
        name = " ".join(self._rng.sample(WORDS, 2)).capitalize()
        return self._made("U", at, mark, asset(key, name, kind, role))

    def _purchase(self, key: str, at: datetime, mark: str, comes: datetime | None = None) -> Made:
        said = purchase(key, self._user(), 5 * self._rng.randrange(2, 101))
        return self._made("P", at, mark, said, comes)

    def _transfer(self, key: str, at: datetime, mark: str) -> Made:
        return self._made("T", at, mark, {"s3_key": key, "user_nk": self._user()})

    def _made(
        self,
        letter: str,
        at: datetime,
        mark: str,
        said: dict[str, object],
        comes: datetime | None = None,
    ) -> Made:
        self._counts[letter] += 1
        event_id = f"{PREFIX}{self._on:%Y%m%d}-{letter}{self._counts[letter]:06}{mark}"
        kind, field = KINDS[letter]
        event = Event(event_id, kind, {**said, field: at.isoformat()})
        return Made(event, (comes or at) + timedelta(days=mark == "L"))

    def _user(self) -> str:
        return f"user{self._rng.randrange(1, USERS * self._scale + 1):03}"

    def _at(self) -> datetime:
        return _midnight(self._on) + timedelta(seconds=self._rng.randrange(OPENS, CLOSES))

    def _after(self, at: datetime) -> datetime:
        return at + timedelta(seconds=1 + self._rng.randrange(YOUNGEST_PURCHASE))


KINDS = {
    "U": ("asset_uploaded", "upload_timestamp"),
    "P": ("asset_purchased", "transaction_timestamp"),
    "T": ("asset_transferred", "transaction_timestamp"),
}
"""Of each letter of an id: what the event is called, and its time."""


def asset(key: str, name: str, kind: str, role: str | None) -> dict[str, object]:
    """Return what an upload says beside its time."""
    told = {"s3_key": key, "asset_name": name, "asset_type_name": kind}
    return {**told, **({"graph_role": role} if role else {})}


def purchase(key: str, user: str, credits_spent: int) -> dict[str, object]:
    """Return what a purchase says beside its time."""
    return {"s3_key": key, "user_nk": user, "credits_spent": credits_spent}


def _midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)
