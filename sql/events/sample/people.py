"""Customers of the shop, each made of a number and a day alone; no I/O and no clock.

Faker makes pools of names, and a `Random` draws from them. So the same random seed gives the same
customers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from random import Random

from faker import Faker

FIRST_DAY = date(2025, 11, 3)
CUSTOMERS = 240
COUNTRIES = ("US", "GB", "DE", "FR", "IN", "BR")
DOMAINS = ("example.com", "example.org", "example.net")
CHANGING = {7: "E", 23: "M"}
"""Of each 80 customers, who changes the e-mail or the country, and how their ids end."""
CHANGE_EVERY = 4
"""In how many days they do."""


@dataclass(frozen=True, slots=True)
class Person:
    """What a customer begins with."""

    first: str
    last: str
    domain: int
    country: int


def customer(random_seed: int, number: int, on: date) -> dict[str, str]:
    """Return what events of a day say about a customer."""
    one, mark = _person(random_seed, number), CHANGING.get(number % 80, "")
    changes = ((on - FIRST_DAY).days + number // 80) // CHANGE_EVERY
    domain = DOMAINS[(one.domain + changes * (mark == "E")) % len(DOMAINS)]
    return {
        "customer_id": f"C{number:06}{mark}",
        "email": f"{one.first}.{one.last}{number}@{domain}".replace(" ", "").lower(),
        "first_name": one.first,
        "last_name": one.last,
        "country": COUNTRIES[(one.country + changes * (mark == "M")) % len(COUNTRIES)],
    }


def number(customer_id: str) -> int:
    """Return the number of a customer."""
    return int(customer_id.strip("CEM"))


def regulars(scale: int, on: date) -> Iterator[tuple[int, int]]:
    """Yield customers who order each day, and how often they do on that day."""
    for number in range(1, CUSTOMERS * scale + 1):
        if number % 120 == 1:
            yield number, 3
        elif number % 60 == 2:
            yield number, 1 + on.toordinal() % 2


def changing(scale: int) -> list[int]:
    """Return the customers whose e-mail or country changes."""
    return [n for n in range(1, CUSTOMERS * scale + 1) if n % 80 in CHANGING]


@lru_cache(maxsize=10_000)
def _person(random_seed: int, number: int) -> Person:
    rng, (first, last) = Random(f"{random_seed} customer {number}"), _names(random_seed)
    countries = rng.choices(range(len(COUNTRIES)), weights=(40, 20, 15, 10, 10, 5))
    return Person(rng.choice(first), rng.choice(last), rng.randrange(len(DOMAINS)), *countries)


@cache
def _names(random_seed: int) -> tuple[Sequence[str], Sequence[str]]:
    """Draw the pools of first and last names."""
    fake = Faker("en_US")
    fake.seed_instance(f"{random_seed} names")
    return [fake.first_name() for _ in range(200)], [fake.last_name() for _ in range(200)]
