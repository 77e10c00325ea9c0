"""What cleansing makes of customers, and why it refuses one."""

import pycountry
import pytest
from psycopg2.extensions import connection as Connection

from scripts.make_reference_data import spellings
from tests.cleansing import LINEAGE, Row, clean
from tests.queries import execute, rows

LANDED: Row = {
    "customer_id": 42,
    "name": "Mary O'Brien",
    "email": "mary@example.com",
    "phone": "+353 1 234 5678",
    "city": "Dublin",
    "country": "Ireland",
    "segment": "Consumer",
    **LINEAGE,
}

CLEANSED: Row = {
    "customer_id": 42,
    "customer_name": "Mary O'Brien",
    "email": "mary@example.com",
    "phone": "+35312345678",
    "city": "Dublin",
    "country": "Ireland",
    "country_code": "IE",
    "segment": "Consumer",
    **LINEAGE,
    "reject_reasons": [],
}

NO_COUNTRY: Row = {"country": None, "country_code": None}
BLANK = " \t\u00a0\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"name": "\u00a0MARY   O'BRIEN\n"}, {}),
        ({"name": "Zoë 😀"}, {"customer_name": "Zoë 😀"}),
        ({"name": "x" * 50_000}, {"customer_name": "X" + "x" * 49_999}),
        ({"email": " Mary@Example.COM\t"}, {}),
        ({"email": BLANK}, {"email": None}),
        ({"email": None}, {"email": None}),
        ({"phone": "01 2345678"}, {}),
        ({"phone": "call me"}, {"phone": None}),
        ({"phone": BLANK}, {"phone": None}),
        ({"phone": None}, {"phone": None}),
        ({"city": " DUN  LAOGHAIRE "}, {"city": "Dun Laoghaire"}),
        ({"city": BLANK}, {"city": None}),
        ({"segment": " small   BUSINESS "}, {"segment": "Small Business"}),
        ({"segment": ""}, {"segment": None}),
        ({"country": "  ireland\u00a0"}, {}),
        ({"country": "IRL"}, {}),
        ({"country": BLANK}, NO_COUNTRY),
        ({"country": None}, NO_COUNTRY),
        ({"country": None, "phone": "01 2345678"}, {**NO_COUNTRY, "phone": None}),
    ],
)
def test_a_good_customer_is_tidied(stg: Connection, given: Row, expected: Row) -> None:
    assert clean(stg, "customers", LANDED | given) == CLEANSED | expected


@pytest.mark.parametrize(
    ("given", "expected", "reasons"),
    [
        ({"name": None}, {"customer_name": None}, ["name is missing"]),
        ({"name": BLANK}, {"customer_name": None}, ["name is missing"]),
        ({"email": " Mary@"}, {"email": "mary@"}, ["email is not an address"]),
        ({"country": "Atlantis"}, NO_COUNTRY, ["country is unknown"]),
        ({"country": "n/a"}, NO_COUNTRY, ["country is unknown"]),
        ({"country": "-"}, NO_COUNTRY, ["country is unknown"]),
        (
            {"name": "", "email": "x", "country": "🇮🇪", "phone": "1"},
            {"customer_name": None, "email": "x", **NO_COUNTRY, "phone": None},
            ["name is missing", "email is not an address", "country is unknown"],
        ),
    ],
)
def test_a_bad_customer_is_refused_with_every_reason(
    stg: Connection, given: Row, expected: Row, reasons: list[str]
) -> None:
    cleansed = clean(stg, "customers", LANDED | given)

    assert cleansed == CLEANSED | expected | {"reject_reasons": reasons}


def test_a_row_of_nulls_is_refused(stg: Connection) -> None:
    nothing = dict.fromkeys(LANDED)

    assert clean(stg, "customers", nothing) == dict.fromkeys(CLEANSED) | {
        "reject_reasons": ["name is missing"]
    }


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("UK", "GB"),
        ("England", "GB"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("South Korea", "KR"),
        ("Republic of Korea", "KR"),
        ("Russia", "RU"),
        ("the netherlands", "NL"),
        ("Czech Republic", "CZ"),
        ("TURKEY", "TR"),
        ("Türkiye", "TR"),
        ("Turkiye", "TR"),
        ("Cote d\u2019Ivoire", "CI"),
        ("Trinidad & Tobago", "TT"),
        ("St. Lucia", "LC"),
        ("deutschland", "DE"),
        ("NA", "NA"),
    ],
)
def test_an_everyday_name_of_a_country_is_known(stg: Connection, spelling: str, code: str) -> None:
    assert clean(stg, "customers", {"country": spelling})["country_code"] == code


def test_every_spelling_of_every_country_is_known(stg: Connection) -> None:
    """The database reduces a name as the script did that made its table."""
    known = [
        (spelling, country.alpha_2, country.name)
        for country in pycountry.countries
        for spelling in spellings(country)
    ]
    execute(
        stg,
        """
        insert into landing.customers (customer_id, country)
        select number, spelling from unnest(%s) with ordinality as u (spelling, number)
        """,
        [[spelling for spelling, _, _ in known]],
    )

    assert known == rows(
        stg,
        """
        select l.country, c.country_code, c.country
        from landing.clean_customers as c
        inner join landing.customers as l on c.customer_id = l.customer_id
        order by c.customer_id
        """,
    )


def test_each_version_comes_out_once_however_its_country_is_written(stg: Connection) -> None:
    execute(
        stg,
        """
        insert into landing.customers (customer_id, country, phone, _batch_id)
        select id, country, phone, batch
        from
            generate_series(1, 2) as batch,
            unnest(array['+44 20 7946 0000', '+1 212 555 0100', '020 7946 0000']) as phone,
            unnest(array[' UK', 'UK', 'gb', 'Atlantis', '', null])
            with ordinality as u (country, id)
        """,
    )
    query = """
        select customer_id, _batch_id, count(*) from landing.clean_customers
        group by customer_id, _batch_id order by customer_id, _batch_id
    """

    assert rows(stg, query) == [
        (customer, batch, 3) for customer in range(1, 7) for batch in (1, 2)
    ]
