"""What holds for every row, whatever is in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from tests.cleansing import LINEAGE, Row, clean
from tests.further import tries
from tests.queries import execute, rows, value

ANY_TEXT = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TEXT = ANY_TEXT | st.text(" \t\u00a0'-.mciv")
PHONE = ANY_TEXT | st.text("0123456789+ ()-./x#~", max_size=20)
COUNTRY = ANY_TEXT | st.sampled_from(["DE", "US", "Italy", "JP", "GB", "BY"])
PRICE = st.none() | st.decimals(-9_999_999_999, 9_999_999_999, places=2) | st.just(Decimal("NaN"))
TIME = st.none() | st.datetimes(timezones=st.just(UTC))

CUSTOMER = st.fixed_dictionaries(
    {
        "name": TEXT,
        "email": TEXT,
        "phone": PHONE,
        "city": TEXT,
        "country": COUNTRY,
        "segment": TEXT,
    }
)
PRODUCT = st.fixed_dictionaries(
    {
        "name": TEXT,
        "product_group": TEXT,
        "unit_price": PRICE,
        "active": st.none() | st.booleans(),
    }
)
SALE = st.fixed_dictionaries(
    {
        "customer_id": st.none() | st.integers(1, 9),
        "quantity": st.none() | st.integers(-(2**31), 2**31 - 1),
        "unit_price": PRICE,
        "discount": st.none()
        | st.decimals("-9.9999", "9.9999", places=4)
        | st.just(Decimal("NaN")),
        "status": TEXT | st.sampled_from(["completed", " RETURNED"]),
        "transaction_timestamp": TIME,
    }
)

ROW = st.one_of(
    st.tuples(st.just("customers"), CUSTOMER),
    st.tuples(st.just("products"), PRODUCT),
    st.tuples(st.just("sales"), SALE),
)

TARGETS = {
    "customers": ("stg_dim_customers", "customer_id"),
    "products": ("stg_dim_products", "product_id"),
    "sales": ("stg_fact_sales", "sale_id"),
}

examples = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=tries(300, usually=100),
)


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Undo what an example has written."""
    execute(connection, "savepoint example")
    yield
    execute(connection, "rollback to example")


@examples
@given(landed=ROW)
def test_any_row_is_cleansed_and_fits_its_table_unless_it_is_refused(
    stg: Connection, landed: tuple[str, Row]
) -> None:
    entity, row = landed
    table, key = TARGETS[entity]
    with undone(stg):
        cleansed = clean(stg, entity, {key: 1, **row, **LINEAGE})
        good = cleansed.pop("reject_reasons") == []
        columns = ", ".join(cleansed)
        execute(
            stg,
            f"""
            insert into {table} ({columns})
            select {columns} from landing.clean_{entity} where reject_reasons = '{{}}'
            """,
        )
        assert rows(stg, f"select {columns} from {table}") == [tuple(cleansed.values())] * good


@examples
@given(text=TEXT)
@example("MCDONALD'S VAN DER BERG III")
@example("o'neill's")
def test_cleansing_a_cleansed_name_changes_nothing(stg: Connection, text: str | None) -> None:
    once = value(stg, "select tidemark.proper_case(tidemark.clean_text(%s))", [text])

    assert value(stg, "select tidemark.proper_case(tidemark.clean_text(%s))", [once]) == once


@examples
@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_cleansed_text_has_single_blanks_between_its_words(stg: Connection, text: str) -> None:
    cleansed = value(stg, "select tidemark.clean_text(%s)", [text])

    assert cleansed is None or cleansed.split(" ") == cleansed.split()


@pytest.mark.parametrize("entity", TARGETS)
def test_a_view_has_the_columns_of_its_table_and_the_reasons(stg: Connection, entity: str) -> None:
    query = """
        select attname, format_type(atttypid, atttypmod)
        from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped
        order by attnum
    """
    table, _ = TARGETS[entity]

    assert rows(stg, query, [f"landing.clean_{entity}"]) == [
        *rows(stg, query, [table]),
        ("reject_reasons", "text[]"),
    ]


@pytest.mark.parametrize("entity", TARGETS)
def test_a_filter_on_the_batch_is_applied_before_a_row_is_cleansed(
    stg: Connection, entity: str
) -> None:
    plan = value(
        stg, f"explain (format json) select * from landing.clean_{entity} where _batch_id = 7"
    )
    filters = [node["Filter"] for node in _nodes(plan[0]["Plan"]) if node.get("Alias") == "l"]

    assert filters == ["(_batch_id = 7)"]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
