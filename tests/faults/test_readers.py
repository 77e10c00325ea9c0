"""What analysts see while batches are published: one batch or the next, never some of both."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from tests.fix_retail import Retail
from tests.queries import rows

BATCHES = 16
READERS = 2

LOOK = """
    select
        (select count(*) from dwh_fact_sales),
        (select count(*) from dwh_fact_sales join dwh_dim_customers using (customer_key)),
        (select count(*) from dwh_fact_sales join dwh_dim_products using (product_key)),
        (select count(*) from dwh_dim_customers where is_current and customer_key > 0),
        (select count(*) from dwh_dim_products where is_current and product_key > 0),
        (select max(_batch_id) from dwh_fact_sales),
        (select max(_batch_id) from dwh_dim_customers),
        (select min(batch_id) from high_water_mark),
        (select max(batch_id) from high_water_mark)
"""


def test_no_statement_of_a_reader_sees_part_of_a_batch(retail: Retail):
    """Each batch brings a customer, a product and a sale in a month that has no partition yet."""
    retail.run()
    published, ended = retail.warehouse.rows("dwh", LOOK), threading.Event()
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(_look_until, ended, retail) for _ in range(READERS)]
        try:
            for number in range(BATCHES):
                month = datetime(2020 + number // 12, 1 + number % 12, 9, tzinfo=UTC)
                _sell(retail, 100 + number, month)
                retail.run()
                published += retail.warehouse.rows("dwh", LOOK)
        finally:
            ended.set()
    for reader in readers:
        seen = reader.result()
        assert [look for look in seen if look not in published] == []
        assert len(seen) > BATCHES / 2


def _look_until(ended: threading.Event, retail: Retail) -> list[tuple[Any, ...]]:
    """Return what is seen, each look but once."""
    seen: dict[tuple[Any, ...], None] = {}
    with closing(retail.warehouse.connect("dwh")) as analyst:
        while not ended.is_set():
            seen.update(dict.fromkeys(rows(analyst, LOOK)))
    return list(seen)


def _sell(retail: Retail, key: int, at: datetime) -> None:
    retail.add("customers", key)
    retail.add("products", key)
    retail.add("sales", key, customer_id=key, product_id=key, transaction_timestamp=at)
