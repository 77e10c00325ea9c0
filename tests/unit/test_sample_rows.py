from random import Random

import phonenumbers
import pytest

from sql.retail.sample import rows

PEOPLE = rows.make_people(1)


def test_the_same_random_seed_makes_the_same_rows():
    rows.make_people.cache_clear()
    again = rows.make_people(1)

    assert again == PEOPLE
    assert rows.customers(Random(7), again, 50) == rows.customers(Random(7), PEOPLE, 50)
    assert rows.products(Random(7), again, 50) == rows.products(Random(7), PEOPLE, 50)


def test_another_random_seed_makes_other_rows():
    assert rows.make_people(2) != PEOPLE
    assert rows.customers(Random(8), PEOPLE, 50) != rows.customers(Random(7), PEOPLE, 50)


@pytest.mark.parametrize("country", rows.COUNTRIES, ids=lambda country: country.locale)
def test_every_phone_is_a_number_of_its_country(country: rows.Country):
    region = country.locale[-2:]
    numbers = [form % last for form in country.phones for last in ((200, 0), (555, 1234), (999, 9))]
    assert [n for n in numbers if not is_valid(n, region)] == []


def is_valid(number: str, region: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number, region))


def test_a_price_suits_the_group():
    made = rows.products(Random(1), PEOPLE, 1000)
    odd = [
        (group, price)
        for group, price in zip(made["product_group"], made["unit_price"], strict=True)
        if not rows.GROUPS[group][0] - 1 < float(price) < rows.GROUPS[group][1] + 1
    ]
    assert odd == []


def test_who_comes_first_buys_and_is_bought_the_most():
    made = rows.sales(Random(1), range(100), range(100), ["1.00"] * 100, 20_000)
    tenths = {
        column: sum(int(position) < 10 for position in made[column]) / 20_000
        for column in ("customer_id", "product_id")
    }
    # A tenth to the power 1/1.5, and 1/2.
    assert tenths == {
        "customer_id": pytest.approx(0.215, abs=0.02),
        "product_id": pytest.approx(0.316, abs=0.02),
    }


@pytest.mark.parametrize("share", [0, 0.1, 1])
def test_spoiling_breaks_the_given_share_of_rows(share: float):
    rules = {"a": ("bad",), "b": ("worse", "worst")}
    spoilt = rows.spoil(Random(1), {"a": ["good"] * 5000, "b": ["good"] * 5000}, rules, share)
    broken = sum(row != ("good", "good") for row in zip(spoilt["a"], spoilt["b"], strict=True))
    assert broken / 5000 == pytest.approx(share, abs=0.02)


def test_a_spoilt_row_breaks_one_rule_or_several():
    rules = {"a": ("bad",), "b": ("bad",), "c": ("bad",)}
    spoilt = rows.spoil(Random(1), {column: ["good"] * 100 for column in rules}, rules, 1)
    assert {row.count("bad") for row in zip(*spoilt.values(), strict=True)} == {1, 2, 3}
