"""Which types hold which, and as what they are compared."""

import pytest

from tidemark.postgres.sqltypes import holds, unsized

CHAINS = [
    ["smallint", "integer", "bigint", "numeric(19,0)", "numeric(22,2)", "numeric"],
    ["smallint", "real", "double precision"],
    ["integer", "double precision"],
    ["numeric(5,-2)", "numeric(7,0)", "numeric(10,2)", "numeric(12,2)", "numeric(14,4)"],
    ["character varying(5)", "character varying(20)", "character varying", "text"],
    ["text", "character varying"],
    ["character(3)", "character(5)", "character varying(5)", "text"],
    ["character(3)", "bpchar", "text"],
    ["name", "text"],
    ["bit(3)", "bit varying(3)", "bit varying(9)", "bit varying"],
    ["timestamp(0) with time zone", "timestamp(3) with time zone", "timestamp with time zone"],
    ["timestamp(0) without time zone", "timestamp without time zone"],
    ["time(0) without time zone", "time without time zone"],
    ["interval day to second(3)", "interval"],
    ["interval year to month", "interval"],
    ["interval(0)", "interval(3)", "interval"],
    ["cidr", "inet"],
    ["character varying(5)[]", "character varying(9)[]", "character varying[]"],
    ["numeric(8,2)[]", "numeric[]"],
    ["public.mood", "public.mood"],
]
LOSSES = [
    ("numeric(14,4)", "numeric(10,2)"),
    ("numeric(10,2)", "numeric(10,4)"),
    ("numeric", "numeric(30,10)"),
    ("timestamp with time zone", "date"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("timestamp(6) with time zone", "timestamp(0) with time zone"),
    ("date", "timestamp with time zone"),
    ("text", "character varying(5)"),
    ("text", "character(5)"),
    ("character varying(5)", "character(5)"),
    ("character varying(9)", "character varying(5)"),
    ("bigint", "integer"),
    ("integer", "smallint"),
    ("bigint", "numeric(18,0)"),
    ("bigint", "double precision"),
    ("integer", "real"),
    ("double precision", "real"),
    ("numeric", "double precision"),
    ("real", "numeric"),
    ("interval", "interval year to month"),
    ("interval", "interval(0)"),
    ("bit(5)", "bit(3)"),
    ("bit(3)", "bit(5)"),
    ("bit varying(5)", "bit varying(3)"),
    ("time without time zone", "time(0) without time zone"),
    ("integer[]", "bigint[]"),
    ("integer[]", "integer"),
    ("text", "bigint"),
    ("bigint", "text"),
    ("json", "jsonb"),
    ("public.mood", "text"),
    ("public.mood", "other.mood"),
]


@pytest.mark.parametrize("chain", CHAINS, ids=" < ".join)
def test_each_type_holds_those_before_it(chain: list[str]):
    held = {(wide, narrow) for at, wide in enumerate(chain) for narrow in chain[: at + 1]}
    assert [pair for pair in sorted(held) if not holds(*pair)] == []


@pytest.mark.parametrize(("value", "target"), LOSSES)
def test_a_type_that_would_change_a_value_does_not_hold_it(value: str, target: str):
    assert not holds(target, value)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("character(5)", "bpchar"),
        ("character varying(20)", "character varying"),
        ("numeric(10,2)", "numeric"),
        ("numeric(10,2)[]", "numeric[]"),
        ("timestamp(3) with time zone", "timestamp with time zone"),
        ("interval day to second(3)", "interval"),
        ("bit(5)", '"bit"'),
        ("bigint", "bigint"),
        ("double precision", "double precision"),
        ('public."Mood"', 'public."Mood"'),
    ],
)
def test_a_key_is_compared_without_its_length(kind: str, expected: str):
    assert unsized(kind) == expected
