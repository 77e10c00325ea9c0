"""Rows of the sample application, made up column by column; no I/O and no clock.

Faker makes pools of a few hundred values per country, and a `Random` combines them in bulk. So the
same random seed gives the same rows.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from faker import Faker

Chunk = dict[str, list[str]]
"""Column name -> values as COPY text, all of one length."""
Rules = Mapping[str, Sequence[str]]
"""Column name -> values that break a business rule."""

NULL = r"\N"

SEGMENTS = ("Standard", "Silver", "Gold", "Platinum")
STATUSES = ("completed",) * 90 + ("pending",) * 4 + ("cancelled",) * 3 + ("returned",) * 3
QUANTITIES = ("1",) * 55 + ("2",) * 25 + ("3",) * 10 + ("4",) * 5 + ("6",) * 3 + ("12", "24")
DISCOUNTS = ("0",) * 70 + ("0.05",) * 12 + ("0.1",) * 10 + ("0.2",) * 6 + ("0.5",) * 2

GROUPS: Mapping[str, tuple[int, int, tuple[str, ...]]] = {
    "Electronics": (20, 900, ("Headphones", "Smart TV", "Speaker", "Camera", "Tablet")),
    "Computers": (15, 2500, ("Laptop", "Monitor", "Keyboard", "Mouse", "Router")),
    "Home & Kitchen": (8, 400, ("Kettle", "Toaster", "Pan Set", "Blender", "Lamp")),
    "Clothing": (10, 180, ("Jacket", "Jeans", "Shirt", "Sweater", "Scarf")),
    "Sports & Outdoors": (12, 600, ("Tent", "Yoga Mat", "Backpack", "Bicycle Helmet", "Racket")),
    "Books": (5, 60, ("Cookbook", "Novel", "Atlas", "Dictionary", "Biography")),
    "Toys & Games": (6, 120, ("Puzzle", "Board Game", "Train Set", "Building Blocks", "Kite")),
    "Beauty & Health": (4, 90, ("Shampoo", "Face Cream", "Toothbrush", "Perfume", "Soap Set")),
    "Garden": (7, 700, ("Lawn Mower", "Hose", "Planter", "Grill", "Pruning Shears")),
}
"""Product group -> lowest and highest price, and what is sold in it."""

DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")

BROKEN_CUSTOMERS: Rules = {
    "name": (NULL, "", "   "),
    "email": ("not-an-email", "two@at@signs.example", "nobody@", "@example.com"),
    "country": ("Atlantis", "Unknown", "ZZ"),
}
BROKEN_PRODUCTS: Rules = {"name": (NULL, "", "  "), "unit_price": ("-1.00", "-19.99")}
BROKEN_SALES: Rules = {
    "quantity": ("0", "-1", "-5"),
    "unit_price": ("-0.01", "-9.99"),
    "discount": ("1.5", "-0.1"),
    "transaction_timestamp": ("2202-05-02 10:15:00+00", "2225-01-31 17:40:00+00"),
    "customer_id": (NULL,),
}


@dataclass(frozen=True, slots=True)
class Country:
    """How people of one country are named, and how they write their country and their phone."""

    locale: str
    weight: int
    spellings: tuple[str, ...]
    calling_code: str
    trunk: str
    prefixes: tuple[str, ...]
    """Area codes, or beginnings of mobile numbers, that seven more digits follow."""

    @property
    def phones(self) -> list[str]:
        """Ways to write a phone, to be filled with its last three and four digits."""
        return [
            form.format(away=f"+{self.calling_code}", trunk=self.trunk, prefix=prefix)
            for form in PHONES
            for prefix in self.prefixes
        ]


PHONES = (
    "{away} {prefix} %03d %04d",
    "{away}{prefix}%03d%04d",
    "{away}-{prefix}-%03d-%04d",
    "({trunk}{prefix}) %03d-%04d",
    "{trunk}{prefix} %03d %04d",
    "{trunk}{prefix}%03d%04d",
)

COUNTRIES = (
    Country("en_US", 30, ("United States", "USA", "U.S.A.", "US"), "1", "", ("212", "312", "415")),
    Country("en_GB", 14, ("United Kingdom", "UK", "GBR", "GB"), "44", "0", ("740", "771")),
    Country("de_DE", 14, ("Germany", "DEU", "DE"), "49", "0", ("1512", "1761")),
    Country("fr_FR", 9, ("France", "FRA", "FR"), "33", "0", ("61", "66")),
    Country("nl_NL", 6, ("Netherlands", "NLD", "NL"), "31", "0", ("61", "62")),
    Country("es_ES", 6, ("Spain", "ESP", "ES"), "34", "", ("61", "65")),
    Country("it_IT", 6, ("Italy", "ITA", "IT"), "39", "", ("347", "338")),
    Country("sv_SE", 3, ("Sweden", "SWE", "SE"), "46", "0", ("70", "73")),
    Country("pl_PL", 4, ("Poland", "POL", "PL"), "48", "", ("60", "69")),
    Country("en_CA", 4, ("Canada", "CAN", "CA"), "1", "", ("416", "604")),
    Country("en_AU", 2, ("Australia", "AUS", "AU"), "61", "0", ("41", "43")),
    Country("pt_BR", 2, ("Brazil", "BRA", "BR"), "55", "0", ("1198", "2198")),
)


@dataclass(frozen=True, slots=True)
class People:
    """The pools of one country: names with their form in an e-mail address, cities, spellings."""

    first_names: list[tuple[str, str]]
    last_names: list[tuple[str, str]]
    cities: list[str]
    countries: tuple[str, ...]
    phones: list[str]


@cache
def make_people(random_seed: int) -> tuple[People, ...]:
    """Draw the pools of every country, each repeated by its weight: a choice is then weighted."""
    people: list[People] = []
    for country in COUNTRIES:
        fake = Faker(country.locale)
        fake.seed_instance(f"{random_seed} {country.locale}")
        pools = People(
            [_addressable(fake.first_name()) for _ in range(250)],
            [_addressable(fake.last_name()) for _ in range(400)],
            sorted({fake.city() for _ in range(80)}),
            country.spellings,
            country.phones,
        )
        people += [pools] * country.weight
    return tuple(people)


def _addressable(name: str) -> tuple[str, str]:
    plain = unicodedata.normalize("NFKD", name).lower()
    return name, re.sub(r"[^a-z]", "", plain)


def _untidy(rng: Random, text: str) -> str:
    """Write a name the way people type it: mostly well."""
    chance = rng.random()
    if chance < 0.86:
        return text
    if chance < 0.90:
        return text.upper()
    if chance < 0.94:
        return text.lower()
    return text.replace(" ", "  ") if chance < 0.97 else f" {text} "


def customers(rng: Random, people: Sequence[People], count: int) -> Chunk:
    """Make what customers tell about themselves."""
    return _columns([customer(rng, people) for _ in range(count)])


def customer(rng: Random, people: Sequence[People]) -> dict[str, str]:
    """Make one customer, as COPY text."""
    pools = rng.choice(people)
    first, first_address = rng.choice(pools.first_names)
    last, last_address = rng.choice(pools.last_names)
    email = f"{first_address}.{last_address}{rng.randrange(1000)}@{rng.choice(DOMAINS)}"
    digits = divmod(rng.randrange(2_000_000, 10_000_000), 10_000)
    return {
        "name": _untidy(rng, f"{first} {last}"),
        "email": email.title() if rng.random() < 0.1 else email,
        "phone": rng.choice(pools.phones) % digits if rng.random() < 0.97 else NULL,
        "city": rng.choice(pools.cities),
        "country": _untidy(rng, rng.choice(pools.countries)),
        "segment": SEGMENTS[int(4 * rng.random() ** 2)],
    }


def products(rng: Random, people: Sequence[People], count: int) -> Chunk:
    """Make products, each with a price that suits its group."""
    return _columns([product(rng, people) for _ in range(count)])


def product(rng: Random, people: Sequence[People]) -> dict[str, str]:
    """Make one product, as COPY text."""
    group = rng.choice(list(GROUPS))
    low, high, things = GROUPS[group]
    brand, _ = rng.choice(rng.choice(people).last_names)
    price = math.exp(rng.uniform(math.log(low), math.log(high)))
    return {
        "name": _untidy(rng, f"{brand} {rng.choice(things)} {rng.randrange(1, 10) * 100}"),
        "product_group": group,
        "unit_price": f"{int(price)}.{rng.choice(('99', '49', '95', '00'))}",
        "active": "true" if rng.random() < 0.95 else "false",
    }


def sales(
    rng: Random,
    customers: Sequence[int],
    products: Sequence[int],
    prices: Sequence[str],
    count: int,
) -> Chunk:
    """Make sales; those who come early in `customers` and `products` have the more of them.

    A uniform number to the power p falls on ranks as Zipf's law has it with exponent 1 - 1/p.
    """
    buyers = [int(len(customers) * rng.random() ** 1.5) for _ in range(count)]
    goods = [int(len(products) * rng.random() ** 2) for _ in range(count)]
    return {
        "customer_id": [str(customers[position]) for position in buyers],
        "product_id": [str(products[position]) for position in goods],
        "quantity": rng.choices(QUANTITIES, k=count),
        "unit_price": [prices[position] for position in goods],
        "discount": rng.choices(DISCOUNTS, k=count),
        "status": rng.choices(STATUSES, k=count),
    }


def _columns(made: Sequence[Mapping[str, str]]) -> Chunk:
    return {name: [row[name] for row in made] for name in made[0]}


def spoil(rng: Random, chunk: Chunk, rules: Rules, share: float) -> Chunk:
    """Let a share of the rows break one or more of the rules, in place."""
    for row in range(len(next(iter(chunk.values())))):
        if rng.random() < share:
            several = min(rng.choice((1, 1, 1, 2, 3)), len(rules))
            for column in rng.sample(list(rules), several):
                chunk[column][row] = rng.choice(rules[column])
    return chunk
