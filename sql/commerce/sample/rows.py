"""Rows of the shop's files, made up one by one; no I/O and no clock.

Faker makes pools of names per country, and a `Random` draws from them. So the same random seed
gives the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random

from faker import Faker

from .drops import Row

CENT = Decimal("0.01")

SEGMENTS = ("Retail", "Corporate", "SME")
CHANNELS = ("WEB", "MOBILE", "STORE")
METHODS = ("UPI", "CASH", "CARD", "PAYPAL")
CATALOGUE: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "Electronics": {"Phones": (120, 900), "Laptops": (350, 1800), "Audio": (15, 300)},
    "Fashion": {"Shirts": (10, 60), "Shoes": (25, 140), "Bags": (15, 120)},
    "Home": {"Kitchen": (8, 200), "Furniture": (60, 700), "Decor": (5, 90)},
    "Grocery": {"Tea & Coffee": (3, 25), "Snacks": (2, 15), "Spices": (2, 12)},
    "Sports": {"Cricket": (10, 150), "Fitness": (12, 400), "Outdoor": (15, 250)},
}
"""Category -> sub-category -> lowest and highest price."""
BRANDS = ("Aarohi", "Bluepeak", "Cadenza", "Dhruva", "Everline", "Fernway", "Kavya", "Northgate")
DOMAINS = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True)
class People:
    """The pools of one country: names, cities with their state, ways to write it, a phone."""

    first_names: Sequence[str]
    last_names: Sequence[str]
    places: Sequence[tuple[str, str]]
    countries: Sequence[str]
    phone: str


@cache
def make_people(random_seed: int) -> tuple[People, ...]:
    """Draw the pools of every country, each repeated by its weight."""
    people: list[People] = []
    for locale, weight, countries, phone in (
        ("en_IN", 7, ("India", "INDIA", "IN", "IND"), "+91 98### #####"),
        ("en_US", 3, ("United States", "USA", "U.S.A.", "US"), "(212) 5##-####"),
    ):
        fake = Faker(locale)
        fake.seed_instance(f"{random_seed} {locale}")
        pools = People(
            [fake.first_name() for _ in range(150)],
            [fake.last_name() for _ in range(150)],
            [(fake.city(), fake.state()) for _ in range(60)],
            countries,
            phone,
        )
        people += [pools] * weight
    return tuple(people)


def key(prefix: str, number: int, *, faulty: bool = False) -> str:
    """Return an id, as CUST0001; that of a faulty row ends in X."""
    return f"{prefix}{number:04}{'X' * faulty}"


def number(one: str) -> int:
    """Return the number in an id."""
    return int("".join(filter(str.isdigit, one)))


def customer(rng: Random, people: Sequence[People], customer_id: str) -> Row:
    """Make a customer, whose names are written the way people type them: mostly well."""
    pools = rng.choice(people)
    first, last = rng.choice(pools.first_names), rng.choice(pools.last_names)
    city, state = rng.choice(pools.places)
    email = f"{first}.{last}{rng.randrange(1000)}@{rng.choice(DOMAINS)}".replace(" ", "")
    return {
        "customer_id": customer_id,
        "first_name": _typed(rng, first),
        "last_name": _typed(rng, last),
        "email": email if rng.random() < 0.1 else email.lower(),
        "phone": "".join(str(rng.randrange(10)) if c == "#" else c for c in pools.phone),
        "city": _typed(rng, city),
        "state": state,
        "country": rng.choice(pools.countries),
        "segment": rng.choices(SEGMENTS, weights=(7, 2, 1))[0],
    }


def product(rng: Random, product_id: str) -> Row:
    """Make a product, with a price that suits it."""
    category = rng.choice(list(CATALOGUE))
    sub_category, (low, high) = rng.choice(list(CATALOGUE[category].items()))
    brand = rng.choice(BRANDS)
    return {
        "product_id": product_id,
        "product_name": f"{brand} {sub_category} {number(product_id)}",
        "category": category,
        "sub_category": sub_category,
        "brand": brand,
        "unit_price": f"{rng.randrange(low, high)}.{rng.choice(('99', '49', '00'))}",
        "status": "ACTIVE",
    }


def line(rng: Random, order_line_id: str, order_id: str, product: Row) -> Row:
    """Make a line of an order, at the product's price and sometimes with a discount."""
    quantity = rng.choices((1, 2, 3, 4), weights=(60, 25, 10, 5))[0]
    gross = quantity * Decimal(product["unit_price"])
    share = rng.choices(("0", "0.05", "0.1", "0.2"), weights=(75, 10, 10, 5))[0]
    return {
        "order_line_id": order_line_id,
        "order_id": order_id,
        "product_id": product["product_id"],
        "quantity": str(quantity),
        "unit_price": product["unit_price"],
        "discount_amount": str((gross * Decimal(share)).quantize(CENT)),
    }


def amount(line: Row) -> Decimal:
    """Return what a line comes to."""
    gross = int(line["quantity"]) * Decimal(line["unit_price"])
    return gross - Decimal(line["discount_amount"])


@dataclass(frozen=True, slots=True)
class Placed:
    """Which order it is, who placed it, and when."""

    order_id: str
    customer_id: str
    on: date


def order(rng: Random, placed: Placed, lines: Sequence[Row], status: str) -> Row:
    """Make the header of an order, whose total is what its lines come to."""
    return {
        "order_id": placed.order_id,
        "customer_id": placed.customer_id,
        "order_date": placed.on.isoformat(),
        "channel": rng.choice(CHANNELS),
        "total_amount": str(sum(map(amount, lines), Decimal("0.00"))),
        "status": status,
    }


def payment(rng: Random, payment_id: str, order: Row, status: str) -> Row:
    """Make the payment of an order: all of it, on the day or on the next one."""
    paid = date.fromisoformat(order["order_date"]) + timedelta(days=rng.choice((0, 0, 0, 1)))
    return {
        "payment_id": payment_id,
        "order_id": order["order_id"],
        "payment_date": paid.isoformat(),
        "payment_method": rng.choice(METHODS),
        "payment_status": status,
        "payment_amount": order["total_amount"],
    }


def _typed(rng: Random, name: str) -> str:
    return rng.choices((name, name.upper(), name.lower(), f" {name} "), weights=(88, 4, 4, 4))[0]
