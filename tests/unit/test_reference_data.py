"""The script that makes the reference data of cleansing."""

from pathlib import Path

import pycountry
import pytest

from scripts import make_reference_data

COMMITTED = Path(__file__).parents[2] / "sql/platform/stg/routines/reference_data.sql"


def test_the_committed_file_is_what_the_libraries_say() -> None:
    """After an update of a library, run the script again: `tidemark migrate` replaces the rows."""
    assert COMMITTED.read_text("utf-8") == make_reference_data.reference_data()


def test_two_countries_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(make_reference_data.ALIASES, "AT", ["Germany"])

    with pytest.raises(ValueError, match="'Germany': it means both AT and DE"):
        make_reference_data.country_aliases()


def test_every_alias_belongs_to_a_country() -> None:
    codes = {country.alpha_2 for country in pycountry.countries}

    assert set(make_reference_data.ALIASES) - codes == set()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Côte d'Ivoire", "cotedivoire"),
        ("Åland Islands", "alandislands"),
        ("U.S.A.", "usa"),
        ("Saint Martin (French part)", "saintmartinfrenchpart"),
        ("n/a", "n/a"),
    ],
)
def test_a_lookup_key_is_made_of_plain_letters(name: str, key: str) -> None:
    assert make_reference_data.lookup_key(name) == key


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (True, "true"),
        ([7, 10], "'{7, 10}'"),
        ("Côte d'Ivoire", "'Côte d''Ivoire'"),
    ],
)
def test_a_value_is_written_as_a_literal(value: object, literal: str) -> None:
    assert make_reference_data.literal(value) == literal
