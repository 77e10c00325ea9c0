"""Phones, against Google's libphonenumber: parsed, possible, and formatted as E.164."""

import itertools
import random
import re
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, ValidationResult
from psycopg2.extensions import connection as Connection

from tests.cleansing import clean
from tests.queries import execute, rows, value

REGIONS = (
    "AT AU BE BR CA CH CN DE DK ES FI FR GB IE IL IN IT JP KR MX NL NO NZ PL PT RU SE SG TR US ZA"
).split()
"""Plans with and without a trunk prefix, with numbers of one length and of many."""

TYPES = (0, 1, 2, 3, 6, 7)
"""Fixed lines, mobiles, both in one, freephone, voice over IP and personal numbers."""

DRAWN = 4
"""Numbers per region and type; each is written in fifteen ways."""


def specified(phone: str, region: str) -> str | None:
    """Return what libphonenumber makes of a phone; a number without its area code is none."""
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def spellings(number: PhoneNumber) -> Iterator[str]:
    """Yield the ways in which people write a number at home."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    yield from (e164, international, national, e164[1:])
    yield phonenumbers.national_significant_number(number)
    yield re.sub(r"^(\+\d+) ", r"\1 (0)", international)
    yield international.replace(" ", "\u2011")
    yield from (national.replace(" ", other) for other in (".", "/", "\u00a0", ""))
    yield from (f"Tel.: {international}", f"{national} x12", f"{national}, ext. 345")


def draw(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Draw phones and the regions of their owners, some of them in another country."""
    for region, kind in itertools.product(REGIONS, TYPES):
        if example := phonenumbers.example_number_for_type(region, kind):
            for _ in range(DRAWN):
                number = vary(rng, example)
                yield from ((phone, region) for phone in spellings(number))
                home = rng.choice(REGIONS)
                yield phonenumbers.format_out_of_country_calling_number(number, home), home
        yield "".join(rng.choices("0123456789", k=rng.randint(1, 17))), region


def vary(rng: random.Random, example: PhoneNumber) -> PhoneNumber:
    """Return a number of the same beginning and length with other digits at its end."""
    digits = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    kept = len(digits) - rng.randint(1, 5)
    return phonenumbers.parse(
        digits[:kept] + "".join(rng.choices("0123456789", k=len(digits) - kept))
    )


def test_phones_become_what_libphonenumber_makes_of_them(stg: Connection) -> None:
    phones = list(draw(random.Random(20250301)))
    execute(
        stg,
        """
        insert into landing.customers (customer_id, phone, country)
        select number, phone, region
        from unnest(%s, %s) with ordinality as u (phone, region, number)
        """,
        [list(column) for column in zip(*phones, strict=True)],
    )
    cleansed = rows(stg, "select phone from landing.clean_customers order by customer_id")

    assert len(phones) > 8_000
    assert [(*phone, made) for phone, (made,) in zip(phones, cleansed, strict=True)] == [
        (*phone, specified(*phone)) for phone in phones
    ]


@pytest.mark.parametrize(
    ("phone", "region", "made"),
    [
        ("020 123 4567", "NL", "+31201234567"),
        ("+31 (0)20-123 4567", "US", "+31201234567"),
        ("0031 20 123 4567", "FR", "+31201234567"),
        ("011 31 20 123 4567", "US", "+31201234567"),
        ("31 20 123 4567", "NL", "+31201234567"),
        ("31 140 277 1083", "NL", "+311402771083"),
        ("49 30 1234567", "DE", "+49301234567"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("06 698 12345", "IT", "+390669812345"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("80 17 123 45 67", "BY", "+375171234567"),
        ("0003 217", "TO", "+6760003217"),
        ("+800 1234 5678", "GB", "+80012345678"),
        ("+999 1234 5678", "GB", None),
        ("+", "GB", None),
        ("12", "GB", None),
        ("0" * 300, "GB", None),
    ],
)
def test_a_phone_is_read_as_dialled_in_its_country(
    stg: Connection, phone: str, region: str, made: str | None
) -> None:
    cleansed = clean(stg, "customers", {"phone": phone, "country": region})
    alone = value(stg, "select tidemark.phone_number(%s, %s)", [phone, region])

    assert (cleansed["phone"], specified(phone, region), alone) == (made, made, made)


@pytest.mark.parametrize(
    ("phone", "region", "made", "theirs"),
    [
        pytest.param("1-800-FLOWERS", "US", None, "+18003569377", id="letters for digits"),
        pytest.param(
            "030 \uff11\uff12\uff13\uff14\uff15",
            "DE",
            None,
            "+493012345",
            id="digits of other scripts",
        ),
        pytest.param("234 5678", "BB", None, "+12462345678", id="an island's own numbers"),
        pytest.param("011 15-2345-6789", "AR", None, "+5491123456789", id="Argentina's 15"),
        pytest.param("8 801 123 4567", "BY", None, "+3758011234567", id="services in Belarus"),
        pytest.param("00 61 2 1234 5602", "HK", "+61212345602", None, id="00 6 in Hong Kong"),
        pytest.param("0 41 21 3456 7890", "BR", None, "+552134567890", id="choice of a carrier"),
        pytest.param(
            "+57 (0)321 1234567", "CO", "+573211234567", "+5703211234567", id="a 0 in Colombia"
        ),
    ],
)
def test_a_known_difference_is_as_documented(
    stg: Connection, phone: str, region: str, made: str | None, theirs: str | None
) -> None:
    cleansed = clean(stg, "customers", {"phone": phone, "country": region})

    assert (cleansed["phone"], specified(phone, region)) == (made, theirs)


def test_a_number_without_its_area_code_is_no_phone(stg: Connection) -> None:
    """libphonenumber calls it possible, but nobody outside of its town can dial it."""
    assert phonenumbers.is_possible_number(phonenumbers.parse("253 0000", "US"))
    assert clean(stg, "customers", {"phone": "253 0000", "country": "US"})["phone"] is None


def test_every_calling_code_is_found_at_the_start_of_a_number(stg: Connection) -> None:
    query = """
        select calling_code from tidemark.ref_calling_codes
        where tidemark.calling_code(calling_code || %s) <> calling_code
    """

    assert [rows(stg, query, [rest]) for rest in ("", "0000", "9999")] == [[], [], []]
