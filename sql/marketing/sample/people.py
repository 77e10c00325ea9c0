"""Customers of the website, made up one by one; no I/O and no clock.

Faker makes pools of names, and a `Random` draws from them. So the same random seed gives the same
rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from faker import Faker

from .drops import Customer

REGIONS = ("North", "South", "East", "West", "Central")
FIRST_NUMBER = 1001
DOMAINS = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True)
class Names:
    """The pools of names."""

    first: Sequence[str]
    last: Sequence[str]


@cache
def names(random_seed: int) -> Names:
    """Draw the pools."""
    fake = Faker("en_US")
    fake.seed_instance(f"{random_seed} names")
    return Names([fake.first_name() for _ in range(200)], [fake.last_name() for _ in range(200)])


def customer(rng: Random, pools: Names, number: int, signed_up: date) -> Customer:
    """Make a customer; some values are written as people do, with blanks or in capitals."""
    first, last = rng.choice(pools.first), rng.choice(pools.last)
    email = f"{first}.{last}{rng.randrange(1000)}@{rng.choice(DOMAINS)}".replace(" ", "")
    return {
        "customer_id": key(number),
        "first_name": typed(rng, first),
        "last_name": typed(rng, last),
        "email": email if rng.random() < 0.1 else email.lower(),
        "region": typed(rng, rng.choice(REGIONS)) if rng.random() < 0.98 else "",
        "signup_date": f"{signed_up:%Y/%m/%d}",
    }


def first_customers(rng: Random, pools: Names, count: int, day: date) -> list[Customer]:
    """Make those who are there when the first day begins."""
    return [
        customer(rng, pools, FIRST_NUMBER + n, day - timedelta(days=rng.randrange(1, 900)))
        for n in range(count)
    ]


def joined(random_seed: int, on: date, count: int, *, highest: int) -> list[Customer]:
    """Make those who sign up on a day. The file of the next day is the first that shows them."""
    rng, pools = Random(f"{random_seed} joined {on}"), names(random_seed)
    return [customer(rng, pools, highest + 1 + n, on) for n in range(count)]


def key(number: int) -> str:
    """Return a customer's id, as files of customers write it: 001001."""
    return f"{number:06}"


def typed(rng: Random, text: str) -> str:
    """Write a text as people do."""
    return rng.choices((text, text.upper(), text.lower(), f" {text} "), weights=(88, 4, 4, 4))[0]
