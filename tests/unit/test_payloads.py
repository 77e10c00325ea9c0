"""What an event has to be, and how it is kept."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidemark.declare import payload
from tidemark.declare.posted import EventsOfEntity, PostedField


def kept(field: Any, value: Any) -> Any:
    """Return how a value of a field is kept."""
    events = EventsOfEntity.model_validate({"event": "thing", "fields": {"f": field}})
    found = payload.model(events, "Thing").model_validate({"f": value})
    return payload.loads(payload.dumps(found)).get("f")


@pytest.mark.parametrize(
    ("field", "value", "as_kept"),
    [
        ("text", "", ""),
        ("text", "häß\t'\"\\", "häß\t'\"\\"),
        ("boolean", True, True),
        ("integer", -(2**31), -(2**31)),
        ("integer", Decimal("7.0"), 7),
        ("bigint", 2**63 - 1, 2**63 - 1),
        ("numeric", 100, "100"),
        ("numeric", Decimal("100.00"), "100"),
        ("numeric", Decimal("1E+3"), "1000"),
        ("numeric", "-0.10", "-0.1"),
        ("numeric", "-0", "0"),
        ("numeric(38, 0)", "9" * 38, "9" * 38),
        ("numeric(5, 2)", "123.4500", "123.45"),
        ("date", "2024-02-29", "2024-02-29"),
        ("timestamptz", "2023-10-15T16:45:00+02:00", "2023-10-15T14:45:00+00:00"),
        ("timestamptz", "2023-10-15 14:45:00.5Z", "2023-10-15T14:45:00.500000+00:00"),
        (
            "uuid",
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        ),
        ("jsonb", {"a": [1, None, Decimal("1.10")]}, {"a": [1, None, Decimal("1.10")]}),
        ({"type": "text", "required": False}, None, None),
    ],
)
def test_a_value_is_kept_in_one_spelling(field: Any, value: Any, as_kept: Any):
    assert kept(field, value) == as_kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 5),
        ("text", None),
        ("text", "a\0b"),
        ("text", "\ud800"),
        ("boolean", 1),
        ("boolean", "true"),
        ("integer", True),
        ("integer", 2**31),
        ("integer", Decimal("1.5")),
        ("integer", Decimal("1E+999999")),
        ("integer", "1"),
        ("bigint", 2**63),
        ("numeric", 1.5),  # A float has lost digits before anyone could look.
        ("numeric", True),
        ("numeric", "NaN"),
        ("numeric", "1e9999999"),
        ("numeric", "0x10"),
        ("numeric(38, 0)", "0.5"),
        ("numeric(5, 2)", "1234"),
        ({"type": "numeric(38, 0)", "at_least": 0}, -1),
        ("date", "2023-02-29"),
        ("date", 0),
        ("timestamptz", 0),
        ("timestamptz", "2023-10-15T14:45:00"),  # in which zone?
        ("timestamptz", "2023-13-15T14:45:00Z"),
        ("timestamptz", "0001-01-01T00:00:00+01:00"),
        ("uuid", 7),
        ("uuid", "no"),
        ("jsonb", None),
        ("jsonb", {"a\0": 1}),
        ("jsonb", ["\0"]),
    ],
)
def test_what_is_something_else_is_refused_without_being_told(field: Any, value: Any):
    with pytest.raises(ValidationError) as told:
        kept(field, value)
    assert "input_value" not in str(told.value)


def test_json_that_is_nested_too_deeply_is_refused():
    deep: Any = []
    for _ in range(payload.DEEPEST):
        deep = [deep]
    with pytest.raises(ValidationError, match="nested more than 32 deep"):
        kept("jsonb", deep)


def test_no_other_fields_are_taken():
    events = EventsOfEntity.model_validate({"event": "thing", "fields": {"f": "text"}})
    with pytest.raises(ValidationError, match="Extra inputs"):
        payload.model(events, "Thing").model_validate({"f": "x", "field_0": "y"})


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20))
def test_a_number_keeps_all_its_digits(number: Decimal):
    text = kept("numeric", payload.loads(str(number)))
    assert Decimal(text) == number


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", '{"a": 1}}', '[{"a": 1, "a": 1}]'])
def test_what_is_no_json_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        payload.loads(text)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("text", "7", "7"),
        ("integer", "-7", -7),
        ("numeric", "7.50", "7.5"),
        ("boolean", "true", True),
        ("timestamptz", "2023-10-15T14:45:00Z", "2023-10-15T14:45:00+00:00"),
    ],
)
def test_a_text_of_an_address_means_a_value(field: str, text: str, value: Any):
    assert payload.of_text(PostedField.model_validate(field), text) == value


@pytest.mark.parametrize(
    ("field", "text"), [("integer", "7.0"), ("bigint", "9" * 20), ("boolean", "1"), ("text", "\0")]
)
def test_a_text_of_an_address_that_means_no_value_is_refused(field: str, text: str):
    with pytest.raises(ValueError, match="has "):
        payload.of_text(PostedField.model_validate(field), text)
