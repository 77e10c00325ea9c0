"""Laws that hold for whatever a source contains: nothing is lost, nothing is made up."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_retail import SOLD, Retail, counted
from tests.further import tries

pytestmark = pytest.mark.usefixtures("no_rows_are_few")
CUSTOMERS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ada", " ", None, "  bea  potter "]),
        "email": st.sampled_from(["a@b.org", "nobody", None]),
        "city": st.sampled_from(["Paris", "Lyon", None]),
        "country": st.sampled_from(["France", "DE", "Atlantis", None]),
    }
)
SALES = st.fixed_dictionaries(
    {
        "customer_id": st.none() | st.integers(1, 3),
        "quantity": st.none() | st.integers(-1, 3),
        "unit_price": st.sampled_from([None, 10, -1]),
        "discount": st.sampled_from([None, 0, 0.5, 2]),
        "status": st.sampled_from(["completed", "Pending ", "lost", None]),
        "transaction_timestamp": st.none()
        | st.integers(-60, 60).map(lambda days: SOLD + timedelta(days=days)),
    }
)
CHANGES = st.lists(
    st.tuples(st.just("customers"), st.integers(1, 4), CUSTOMERS)
    | st.tuples(st.just("sales"), st.integers(1, 6), SALES),
    max_size=6,
)
# The examples go on from one another, as days do; a smaller one that fails would say nothing.
LAW = settings(
    max_examples=tries(5, usually=3),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = "select customer_id, null from {} union all select null, sale_id from {} order by 1, 2"


def write(retail: Retail, changes: list[tuple[str, int, dict[str, Any]]]) -> None:
    """Insert the rows that are missing and update the others."""
    for table, key, row in changes:
        query = f"select 1 from {table} where {table[:-1]}_id = %s"
        known = retail.warehouse.rows("operational", query, [key])
        (retail.change if known else retail.add)(table, key, **row)


def lost(retail: Retail) -> dict[str, list[tuple[Any, ...]]]:
    """Return the keys that a layer lacks, and those that are neither staged nor refused."""
    rows = retail.warehouse.rows
    source = rows("operational", KEYS.format("customers", "sales"))
    mirrored = rows("mrr", KEYS.format("mrr_dim_customers", "mrr_fact_sales"))
    staged = rows("stg", KEYS.format("stg_dim_customers", "stg_fact_sales"))
    query = """
        select (key -> 'customer_id')::bigint, (key -> 'sale_id')::bigint
        from stg_rejects where resolved_at is null
    """
    refused = rows("stg", query)
    published = rows(
        "dwh",
        """
        select customer_id, null from dwh_dim_customers where is_current and customer_key <> 0
            and not is_inferred
        union all select null, original_sale_id from dwh_fact_sales order by 1, 2
        """,
    )
    return {
        "mirrored": sorted(set(source) ^ set(mirrored), key=str),
        "staged or refused": sorted(set(mirrored) ^ {*staged, *refused}, key=str),
        "published": sorted(set(staged) ^ set(published), key=str),
        "twice": [row for row in {*published} if published.count(row) > 1],
    }


@LAW
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_every_row_is_mirrored_and_then_staged_or_refused(
    retail: Retail, batches: list[list[tuple[str, int, dict[str, Any]]]]
):
    for changes in batches:
        write(retail, changes)
        batch = retail.run()
        for name, counts in counted(batch, "extract").items():
            staged = counted(batch, "stage")[name]
            assert counts.processed == counts.inserted + counts.updated
            assert staged.processed == counts.processed
            assert staged.inserted + staged.updated + staged.rejected <= staged.processed
        assert {what: keys for what, keys in lost(retail).items() if keys} == {}
    assert retail.run().changed == 0


@LAW
@given(st.lists(CUSTOMERS, min_size=1, max_size=30))
def test_of_new_rows_none_is_counted_twice_or_not_at_all(
    retail: Retail, customers: list[dict[str, Any]]
):
    """Extracted is mirrored, and mirrored is staged and refused together."""
    retail.run()
    [(last,)] = retail.warehouse.rows("operational", "select max(customer_id) from customers")
    for key, row in enumerate(customers, last + 1):
        retail.add("customers", key, **row)
    batch = retail.run()
    extracted = counted(batch, "extract")["customers"]
    staged = counted(batch, "stage")["customers"]
    assert extracted.processed == extracted.inserted == staged.processed == len(customers)
    assert staged.inserted + staged.rejected == staged.processed
