"""What area.yml may say of checks, and what is wrong with what it may not."""

import re
from typing import Any

import pytest

from tidemark.declare import yamlfiles
from tidemark.declare.config import Area
from tidemark.errors import ConfigError

AREA = """
area: shop
entities:
  customers:
    key: [customer_id]
    watermark: updated_at
    dimension: {type2: [segment]}
    checks: %s
  orders:
    from: [customers]
    key: [order_id]
    touched_by: {customers: {columns: {order_id: customer_id}}}
    checks: %s
checks: %s
"""


def declared(checks: str = "[]", derived: str = "[]", own: str = "[]") -> Area:
    said = yamlfiles.loaded(AREA % (checks, derived, own), "area.yml")
    return yamlfiles.validated(said, "area.yml", Area)


def placed(area: Area) -> list[tuple[str, str, str]]:
    return [(one.name, one.layer, one.check.severity) for one in area.placed_checks]


@pytest.mark.parametrize(
    ("check", "name", "layer"),
    [
        ("{not_null: segment}", "customers_not_null_segment", "dwh"),
        ("{not_null: [a, b]}", "customers_not_null_a_b", "dwh"),
        ("{unique: a, on: mrr}", "customers_unique_a", "mrr"),
        ("{accepted_values: {column: a, values: [NO, 1]}}", "customers_accepted_values_a", "dwh"),
        ("{relationships: {columns: a, to: orders}}", "customers_relationships_a", "dwh"),
        ("{between: {column: a, min: 2024-01-01}}", "customers_between_a", "dwh"),
        ("{matches: {column: a, pattern: '^x'}}", "customers_matches_a", "dwh"),
        ("{row_count: {within: 50% of median of 14 good batches}}", "customers_row_count", "dwh"),
        ("{freshness: {column: a at Asia/Tokyo, within: 2d}}", "customers_freshness_a", "dwh"),
        ("{reconcile: {left: select 1, right: select 2}}", "customers_reconcile", "dwh"),
        ("{sql: select 1, at_most: 1.5%}", "customers_sql", "dwh"),
        ("{not_null: a, severity: reject}", "customers_not_null_a", "stg"),
        ("{name: Null customer_id check, not_null: a}", "Null customer_id check", "dwh"),
    ],
)
def test_a_check_has_a_name_and_a_layer(check: str, name: str, layer: str):
    assert [one[:2] for one in placed(declared(f"[{check}]"))] == [(name, layer)]


def test_checks_of_derived_entities_and_of_areas_look_behind_mrr():
    area = declared(derived="[{not_null: a}]", own="[{sql: select 1}]")
    assert placed(area) == [("orders_not_null_a", "stg", "fail"), ("sql", "dwh", "fail")]


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("[{not_nul: a}]", "checks.0.not_nul: unknown key. Did you mean 'not_null'?"),
        (
            "[{not_null: a, severty: warn}]",
            "checks.0.severty: unknown key. Did you mean 'severity'?",
        ),
        ("[{not_null: a, on: dhw}]", "checks.0.on: Input should be 'mrr', 'stg' or 'dwh'."),
        ("[{query: select 1}]", "it does not say what it checks; write one of not_null, unique"),
        ("[not_null]", "a check is a mapping with one of not_null"),
        (
            "[{not_null: a, unique: a}]",
            "it is not_null and unique at once; write a check for each.",
        ),
        (
            "[{accepted_values: {column: a, value: [1]}}]",
            "checks.0.accepted_values.value: unknown key. Did you mean 'values'?",
        ),
        ("[{between: {column: a}}]", "`min` and `max` are missing"),
        ("[{not_null: a, at_most: 101%}]", "'101%': write a number of rows such as 10, or a share"),
        ("[{not_null: a, at_most: -1}]", "greater than or equal to 0"),
        ("[{row_count: {within: 50 of median}}]", "50% of median of 14 good batches"),
        ("[{row_count: {min: 3, max: 2}}]", "`min: 3` is above `max: 2`"),
        ("[{row_count: {min: 3}, at_most: 3}]", "checks.0.at_most: unknown key."),
        ("[{sql: select 1, where: a}]", "checks.0.where: unknown key."),
        ("[{not_null: a, severity: reject, at_most: 3}]", "each row that breaks it is refused"),
        ("[{relationships: {columns: a, to: order}}]", "Did you mean 'orders'?"),
        ("[{relationships: {columns: [a, b], to: orders}}]", "2 columns for a key of 1"),
        ("[{not_null: a}, {not_null: a}]", "two are called 'customers_not_null_a'"),
        ("[{not_null: a, where: ' '}]", "it is empty; write SQL, or leave it out"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(checks: str, said: str):
    with pytest.raises(ConfigError, match=re.escape(said)):
        declared(checks)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"own": "[{not_null: a}]"}, "write it under entities.<entity>.checks"),
        ({"own": "[{sql: select 1, severity: reject}]"}, "make a derived entity"),
        ({"own": "[{sql: select 1, at_most: 1%}]"}, "a share of which rows?"),
        ({"derived": "[{not_null: a, on: mrr}]"}, "MRR has no derived rows"),
    ],
)
def test_a_check_has_to_have_rows(where: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=re.escape(said)):
        declared(**where)


def test_what_a_check_says_and_does_is_not_what_it_looks_at():
    [before] = declared("[{not_null: a}]").placed_checks
    [other] = declared("[{not_null: a, severity: warn, description: b, name: c}]").placed_checks
    [another] = declared("[{not_null: a, where: b}]").placed_checks
    assert before.definition == other.definition != another.definition


def test_only_true_and_false_are_truth_values():
    text = "{on: NO, a: yes, b: True, c: truest, d: false}"
    read = {"on": "NO", "a": "yes", "b": True, "c": "truest", "d": False}
    assert yamlfiles.loaded(text, "area.yml") == read
