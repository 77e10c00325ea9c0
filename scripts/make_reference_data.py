#!/usr/bin/env python3
"""Write the rows of the reference tables of cleansing: countries and telephone numbering plans.

    python scripts/make_reference_data.py > sql/platform/stg/routines/reference_data.sql

Run it after an update of pycountry or phonenumbers; the next `tidemark migrate` replaces the rows.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

import phonenumbers
import pycountry
from phonenumbers import PhoneMetadata, PhoneNumberDesc

ALIASES = {
    "AE": ["UAE", "Emirates"],
    "AT": ["Österreich"],
    "BE": ["Belgique", "België"],
    "BO": ["Bolivia (Plurinational State of)"],
    "BR": ["Brasil"],
    "BS": ["The Bahamas"],
    "CD": ["DR Congo", "DRC", "Democratic Republic of the Congo", "Congo-Kinshasa"],
    "CG": ["Republic of the Congo", "Congo-Brazzaville"],
    "CH": ["Schweiz", "Suisse", "Svizzera"],
    "CI": ["Ivory Coast"],
    "CN": ["People's Republic of China", "Mainland China"],
    "CV": ["Cape Verde"],
    "CZ": ["Czech Republic"],
    "DE": ["Deutschland"],
    "ES": ["España"],
    "FK": ["Falkland Islands"],
    "FM": ["Micronesia"],
    "GB": ["UK", "Great Britain", "Britain", "England", "Scotland", "Wales", "Northern Ireland"],
    "GM": ["The Gambia"],
    "IE": ["Republic of Ireland", "Eire"],
    "IR": ["Iran (Islamic Republic of)"],
    "IT": ["Italia"],
    "KR": ["Republic of Korea", "Korea"],
    "LA": ["Lao"],
    "MF": ["Saint Martin"],
    "MK": ["Macedonia"],
    "MM": ["Burma"],
    "MO": ["Macau"],
    "NL": ["The Netherlands", "Holland", "Nederland"],
    "PH": ["The Philippines"],
    "PS": ["Palestine", "Palestinian Territory", "Palestinian Territories"],
    "RU": ["Russia"],
    "SH": ["Saint Helena"],
    "SJ": ["Svalbard & Jan Mayen Islands"],
    "SX": ["Sint Maarten"],
    "SZ": ["Swaziland"],
    "TL": ["East Timor"],
    "TR": ["Turkey"],
    "US": ["U.S. of A.", "United States of America", "America"],
    "VA": ["Vatican City", "Vatican", "Holy See"],
    "VG": ["British Virgin Islands"],
    "VI": ["US Virgin Islands", "United States Virgin Islands"],
}
"""Alpha-2 code -> everyday names that ISO 3166 does not have."""

TRUNK_PREFIXES = {"BY": "80"}
"""Trunk prefixes as people write them, where the library has a pattern of several."""

LENGTHS = {"BY": [9]}
"""Lengths without those of service numbers that begin like the trunk prefix."""

HEADER = """\
-- Rows of tidemark.ref_countries, tidemark.ref_country_aliases and tidemark.ref_calling_codes.
-- Made by scripts/make_reference_data.py; do not edit. In the folder of what may be applied again,
-- since an update of the libraries replaces the rows.
--
-- reads    nothing
-- writes   the three tables, whole
-- repeat   safe

delete from tidemark.ref_calling_codes;
delete from tidemark.ref_country_aliases;
delete from tidemark.ref_countries;
"""

FOOTER = """
analyze tidemark.ref_countries, tidemark.ref_country_aliases, tidemark.ref_calling_codes;
"""

Row = tuple[object, ...]


def lookup_key(name: str) -> str:
    """Reduce a name to lower, unaccented letters and digits, like the function of the database."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(letter for letter in letters if letter.isalnum() or letter == "/")


def spellings(country: pycountry.db.Country) -> Iterator[str]:
    """Yield every way to write a country, "and" also as "&" and "Saint" also as "St."."""
    names = [country.name, *ALIASES.get(country.alpha_2, [])]
    names += [getattr(country, kind, "") for kind in ("common_name", "official_name")]
    yield from (country.alpha_2, country.alpha_3)
    for name in filter(None, names):
        for spelling in (name, name.replace("Saint ", "St. ")):
            yield spelling
            yield spelling.replace(" and ", " & ")


def countries() -> list[Row]:
    """Return (alpha-2, name) of every country, by alpha-2."""
    return sorted((country.alpha_2, country.name) for country in pycountry.countries)


def country_aliases() -> list[Row]:
    """Return (alias, alpha-2), by alias.

    Raises:
        ValueError: two countries are written the same.
    """
    codes: dict[str, str] = {}
    for country in pycountry.countries:
        for spelling in spellings(country):
            code = codes.setdefault(lookup_key(spelling), country.alpha_2)
            if code != country.alpha_2:
                raise ValueError(
                    f"{spelling!r}: it means both {code} and {country.alpha_2}. "
                    "Remove it from ALIASES."
                )
    return sorted(codes.items())


def calling_codes() -> list[Row]:
    """Return the numbering plan of every region and worldwide service, by region.

    Possible lengths are those of the main region: a shorter number that only works inside an island
    of its plan has no E.164 form.
    """
    return sorted(
        _plan(code, region, main=regions[0])
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        for region in regions
    )


def _plan(code: int, region: str, *, main: str) -> Row:
    worldwide = region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY
    plan, numbers = _metadata(code, region)
    return (
        f"+{code}" if worldwide else region,
        str(code),
        region == main,
        _international_prefix(plan),
        TRUNK_PREFIXES.get(region, plan.national_prefix),
        LENGTHS.get(region, sorted(_metadata(code, main)[1].possible_length)),
        f"^({numbers.national_number_pattern})$",
    )


def _metadata(code: int, region: str) -> tuple[PhoneMetadata, PhoneNumberDesc]:
    plan = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if plan is None or plan.general_desc is None:
        raise LookupError(f"+{code} {region}: phonenumbers has no plan. Report it there.")
    return plan, plan.general_desc


def _international_prefix(plan: PhoneMetadata) -> str | None:
    """Return the digits dialled before a calling code, without the choice of a carrier."""
    pattern = plan.international_prefix or ""
    if pattern.isdigit():
        return pattern
    plain = "00" if re.fullmatch(pattern, "00") else None
    return plan.preferred_international_prefix or plain


def literal(value: object) -> str:
    """Write a value as an SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return literal(f"{{{', '.join(map(str, value))}}}")
    return "'" + str(value).replace("'", "''") + "'"


def insert(table: str, columns: str, rows: Iterable[Row]) -> str:
    """Write one insert of many rows."""
    values = ",\n".join(f"({', '.join(map(literal, row))})" for row in rows)
    return f"\ninsert into {table} ({columns}) values\n{values};\n"


def reference_data() -> str:
    """Return the file."""
    plan = (
        "region, calling_code, is_main, international_prefix, trunk_prefix, possible_lengths, "
        "national_pattern"
    )
    return "".join(
        [
            HEADER,
            insert("tidemark.ref_countries", "country_code, country", countries()),
            insert("tidemark.ref_country_aliases", "alias, country_code", country_aliases()),
            insert("tidemark.ref_calling_codes", plan, calling_codes()),
            FOOTER,
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(reference_data())
