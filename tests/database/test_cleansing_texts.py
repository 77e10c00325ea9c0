"""The text helpers of the cleansing views."""

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import value


@pytest.mark.parametrize(
    ("given", "cleansed"),
    [
        ("Anna Lopez", "Anna Lopez"),
        ("  Anna   Lopez ", "Anna Lopez"),
        ("Anna\tMaria\r\nLopez\n", "Anna Maria Lopez"),
        ("\u00a0Anna\u00a0\u00a0Lopez\u2009\u202f", "Anna Lopez"),
        ("\ufeffAnna\u3000Lopez\u200b", "Anna Lopez"),
        ("Anna\x01Lopez\x7f\x85", "Anna Lopez"),
        ("👩\u200d👧 Lopez", "👩\u200d👧 Lopez"),
        ("e\u0301 b", "e\u0301 b"),
        ("x" * 100_000 + "  ", "x" * 100_000),
        (" \t\n\u00a0\u200b", None),
        ("", None),
        (None, None),
    ],
)
def test_blanks_are_trimmed_and_collapsed(
    stg: Connection, given: str | None, cleansed: str | None
) -> None:
    assert value(stg, "select tidemark.clean_text(%s)", [given]) == cleansed


@pytest.mark.parametrize(
    ("given", "proper"),
    [
        ("john smith", "John Smith"),
        ("JOHN SMITH", "John Smith"),
        ("MARY O'BRIEN", "Mary O'Brien"),
        ("mary o\u2019brien", "Mary O\u2019Brien"),
        ("ronald mcdonald", "Ronald McDonald"),
        ("RONALD MCDONALD", "Ronald McDonald"),
        ("MCDONALD'S", "McDonald's"),
        ("john mccarthy-o'neill", "John McCarthy-O'Neill"),
        ("mc hammer", "Mc Hammer"),
        ("JAN VAN DER BERG", "Jan van der Berg"),
        ("van der berg", "Van der Berg"),
        ("MARIA DE LA CRUZ", "Maria de la Cruz"),
        ("NGUYEN VAN", "Nguyen Van"),
        ("jean-luc picard", "Jean-Luc Picard"),
        ("D'ANGELO RUSSELL", "D'Angelo Russell"),
        ("JUAN PABLO II", "Juan Pablo II"),
        ("henry tudor iv", "Henry Tudor IV"),
        ("marie vi", "Marie Vi"),
        ("ÉLODIE DUPRÉ", "Élodie Dupré"),
        ("ΑΘΗΝΑ", "Αθηνα"),
        ("rio de janeiro", "Rio de Janeiro"),
        ("DeShawn MacLeod", "DeShawn MacLeod"),
        ("Vincent van Gogh", "Vincent van Gogh"),
        ("van der Berg", "van der Berg"),
        ("李雷", "李雷"),
        ("😀", "😀"),
        ("", ""),
        (None, None),
    ],
)
def test_names_are_written_the_way_they_are_printed(
    stg: Connection, given: str | None, proper: str | None
) -> None:
    assert value(stg, "select tidemark.proper_case(%s)", [given]) == proper


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "first.last+tag@mail-2.example.co.uk",
        "o'brien@example.ie",
        "josé@exämple.de",
        "a_b/c=d@x.example",
        "a@xn--80ak6aa92e.xn--p1ai",
        "a" * 242 + "@example.com",
    ],
)
def test_an_address_is_an_email(stg: Connection, email: str) -> None:
    assert value(stg, "select tidemark.is_email(%s)", [email]) is True


@pytest.mark.parametrize(
    "text",
    [
        "not-an-email",
        "nobody@",
        "@example.com",
        "two@at@signs.example",
        "a@localhost",
        "a@b..co",
        "a@.co",
        "a@b.co.",
        "a..b@c.co",
        ".a@b.co",
        "a.@b.co",
        "a b@c.co",
        "a@b.co, c@d.co",
        "Anna <a@b.co>",
        "mailto:a@b.co",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        '"a b"@c.co',
        "a" * 243 + "@example.com",
        "",
    ],
)
def test_another_text_is_no_email(stg: Connection, text: str) -> None:
    assert value(stg, "select tidemark.is_email(%s)", [text]) is False
