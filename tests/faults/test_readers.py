"""What analysts see while batches are published: one batch or the next, never some of both."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.further import tries
from tests.queries import rows

Looks = dict[tuple[Any, ...], None]

BATCHES = tries(16, usually=6)
READERS = 2

LOOK = """
    select
        (select count(*) from dwh_fact_sales),
        (select count(*) from dwh_fact_sales join dwh_dim_customers using (customer_key)),
        (select count(*) from dwh_fact_sales join dwh_dim_products using (product_key)),
        (select count(*) from dwh_dim_customers where is_current and customer_key > 0),
        (select count(*) from dwh_dim_products where is_current and product_key > 0),
        (select sum(sales) from agg_sales_daily),
        (select sum(sales) from agg_sales_monthly),
        (select max(_batch_id) from dwh_fact_sales),
        (select max(_batch_id) from dwh_dim_customers),
        (select min(batch_id) from high_water_mark),
        (select max(batch_id) from high_water_mark)
"""


def test_no_statement_of_a_reader_sees_part_of_a_batch(retail: Retail):
    """Each batch brings a customer, a product and a sale in a month that has no partition yet."""
    retail.run()
    published, ended = retail.warehouse.rows("dwh", LOOK), threading.Event()
    looks: list[Looks] = [{} for _ in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(_look_until, ended, retail, seen) for seen in looks]
        try:
            for number in range(BATCHES):
                month = datetime(2020 + number // 12, 1 + number % 12, 9, tzinfo=UTC)
                _sell(retail, 100 + number, month)
                retail.run()
                published += retail.warehouse.rows("dwh", LOOK)
                wait_until(partial(_have_all_seen, looks, published[-1]))
        finally:
            ended.set()
    for reader, seen in zip(readers, looks, strict=True):
        reader.result(PATIENCE)
        assert [look for look in seen if look not in published] == []


def _have_all_seen(looks: Sequence[Looks], look: tuple[Any, ...]) -> bool:
    return all(look in seen for seen in looks)


def _look_until(ended: threading.Event, retail: Retail, seen: Looks) -> None:
    """Note what the run shows."""
    with closing(retail.warehouse.connect("dwh")) as analyst:
        while not ended.is_set():
            seen.update(dict.fromkeys(rows(analyst, LOOK)))


def _sell(retail: Retail, key: int, at: datetime) -> None:
    retail.add("customers", key)
    retail.add("products", key)
    retail.add("sales", key, customer_id=key, product_id=key, transaction_timestamp=at)
