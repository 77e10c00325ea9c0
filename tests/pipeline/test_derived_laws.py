"""However changes of its inputs are spread over batches, a derived entity says what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fix_areas import Made
from tests.further import tries
from tests.pipeline.test_derived import VIEW, change, shop, write
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import Overrides

__all__ = ["shop"]

ORDERS, LINES = st.integers(1, 3), st.integers(1, 2)
PLACED = st.tuples(st.just("order"), ORDERS, st.integers(1, 2), st.integers(1, 3))
SOLD = st.tuples(st.just("line"), ORDERS, LINES, st.integers(0, 9))
CANCELLED = st.tuples(st.just("no order"), ORDERS)
DROPPED = st.tuples(st.just("no line"), ORDERS, LINES)
RUN = st.just(("run",))
STEPS = st.lists(st.one_of(PLACED, SOLD, SOLD, CANCELLED, DROPPED, RUN), min_size=4, max_size=12)
STATEMENTS = {
    "order": """
        insert into orders values ({0}, {1}, '2025-0{2}-01Z')
        on conflict (id) do update
        set customer = excluded.customer, at = excluded.at, updated_at = clock_timestamp()
    """,
    "line": """
        insert into lines values ({0}, {1}, {2})
        on conflict (id, no) do update set amount = excluded.amount, updated_at = clock_timestamp()
    """,
    "no order": "delete from orders where id = {0}",
    "no line": "delete from lines where id = {0} and no = {1}",
}


@pytest.fixture
def joined(shop: Made) -> Made:
    """A shop whose view leaves a line without an order out."""
    text = VIEW.replace("left join", "inner join").replace("create view", "create or replace view")
    write(shop, "stg/views/derive_sold.sql", text)
    migrate.migrate(Project(shop.home), shop.servers)
    return shop


@settings(
    max_examples=tries(5, usually=3),
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_order_of_changes_and_batches_gives_the_same_rows(
    joined: Made, steps: list[tuple[Any, ...]]
):
    shop = joined
    change(shop, "delete from lines; delete from orders")
    run(shop)
    orders: dict[int, tuple[int, int]] = {}
    lines: dict[tuple[int, int], int] = {}
    for what, *values in [*steps, ("run",)]:
        if what == "run":
            run(shop)
            continue
        change(shop, STATEMENTS[what].format(*values))
        if what == "order":
            orders[values[0]] = (values[1], values[2])
        elif what == "line":
            lines[values[0], values[1]] = values[2]
        elif what == "no order":
            orders.pop(values[0], None)
        else:
            lines.pop((values[0], values[1]), None)

    assert published(shop) == sorted(
        (order, no, *orders[order], amount)
        for (order, no), amount in lines.items()
        if order in orders
    )
    assert shop.differences() == []


def run(shop: Made) -> None:
    pipeline.run(shop.servers, shop.area, overrides=Overrides(accept_deletes=True))


def published(shop: Made) -> list[tuple[Any, ...]]:
    query = """
        select f.order_id, f.no, d.id, extract(month from f.at at time zone 'UTC')::int, f.amount
        from fact_sold as f inner join dim_things as d on f.customer_key = d.thing_key
        order by 1, 2
    """
    return shop.warehouse.rows("dwh", query)
