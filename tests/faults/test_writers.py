"""Batches back to back while eight writers are at work on the source: nothing is lost.

The writers are pgbench, with the scripts of `writers/`. What each batch should have brought is
noted by an observer, who looks at the source in the snapshot of the extraction.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fix_retail import PATIENCE, Retail, wait_until
from tests.further import ALL
from tidemark import sources
from tidemark.declare.config import Area
from tidemark.errors import WindowError
from tidemark.install.embedded import site
from tidemark.layers.contracts import REPLACED_BY
from tidemark.layers.mirror import LINEAGE
from tidemark.model import Positions, ServerName, Window
from tidemark.postgres import db
from tidemark.postgres.db import Session
from tidemark.postgres.sessions import Servers
from tidemark.sources import window
from tidemark.sources.postgres import PostgresDelta, PostgresSource
from tidemark.trust import rebuild, verify

SECONDS = int(os.environ.get("TIDEMARK_WRITERS_SECONDS", "60" if ALL else "10"))
pytestmark = pytest.mark.timeout(900 + SECONDS)
SCRIPTS = Path(__file__).parent / "writers"
WEIGHTS = {"insert": 40, "update": 40, "delete": 20, "hold": 8, "rollback": 15, "prepare": 3}

Rows = set[tuple[Any, ...]]

SHOP = """
    alter table sales drop constraint sales_customer_exists;
    alter table sales drop constraint sales_product_exists;
    alter table sales alter column sale_id restart with 100;
    insert into customers (customer_id, name, city)
    select id, 'Ada', 'Town' from generate_series(4, 40) as id;
    insert into products (product_id, name, unit_price)
    select id, 'Lamp', 1 from generate_series(3, 10) as id;
"""
"""Rows for the writers, who may delete what others refer to."""


MIRRORS = {
    "customers": "mrr_dim_customers",
    "products": "mrr_dim_products",
    "sales": "mrr_fact_sales",
}
PAYLOAD = f"(to_jsonb(t) - array{[*LINEAGE, REPLACED_BY]})::text"
UNION = " union all "

SOURCE = UNION.join(f"select '{name}', to_jsonb(t)::text from {name} as t" for name in MIRRORS)
CURRENT = UNION.join(
    f"select '{name}', {PAYLOAD} from {mirror} as t where _deleted_at is null"
    for name, mirror in MIRRORS.items()
)
EVER = UNION.join(
    f"select '{name}', {PAYLOAD} from {table} as t"
    for name, mirror in MIRRORS.items()
    for table in (mirror, f"{mirror}_history")
)
"""Of the source and MRR: whole rows."""

PASSABLE = """
    select 'customers', customer_id, jsonb_build_array(name, city)::text
    from customers where name <> ' ' union all
    select 'products', product_id, jsonb_build_array(unit_price)::text from products union all
    select 'sales', sale_id, jsonb_build_array(customer_id, product_id, quantity, status)::text
    from sales where quantity > 0
"""
REFUSABLE = """
    select 'customers', customer_id from customers where name = ' ' union all
    select 'sales', sale_id from sales where quantity = 0
"""
STAGED = """
    select 'customers', customer_id, jsonb_build_array(customer_name, city)::text
    from stg_dim_customers where _deleted_at is null union all
    select 'products', product_id, jsonb_build_array(unit_price)::text
    from stg_dim_products where _deleted_at is null union all
    select 'sales', sale_id, jsonb_build_array(customer_id, product_id, quantity, status)::text
    from stg_fact_sales where _deleted_at is null
"""
REJECTED = """
    select entity, (select value::bigint from jsonb_each_text(key))
    from stg_rejects where resolved_at is null
"""
PUBLISHED = """
    select 'customers', customer_id, jsonb_build_array(customer_name, city)::text
    from dwh_dim_customers where is_current and not is_inferred and customer_key > 0 union all
    select 'products', product_id, jsonb_build_array(unit_price)::text
    from dwh_dim_products where is_current and not is_inferred and product_key > 0 union all
    select 'sales', original_sale_id,
        jsonb_build_array(customer_id, product_id, quantity, status)::text
    from dwh_fact_sales
    join dwh_dim_customers using (customer_key) join dwh_dim_products using (product_key)
"""
"""Of the other layers: entity, key, and what the writers write."""

STAGED_TOWNS = """
    select customer_id, city from stg_dim_customers where customer_id > 20 union
    select customer_id, city from stg_dim_customers_history where customer_id > 20
"""
PUBLISHED_TOWNS = "select customer_id, city from dwh_dim_customers"
"""Where those lived whom no writer deletes: of two towns before a return, the later one counts."""

PGBENCH = "select from pg_stat_activity where application_name = 'pgbench'"


class ObservedSource(PostgresSource):
    """A source of which an observer notes what each extraction should bring."""

    def __init__(self, noted: Rows, servers: Servers, area: Area) -> None:
        super().__init__(servers)
        self._noted = noted

    @contextmanager
    def open(self, area: Area, positions: Positions) -> Iterator[PostgresDelta]:
        with super().open(area, positions) as safe:
            delta = self._bounded(safe)
            with self._servers.session(area.source.name, "observe") as observer:
                self._note(delta, observer)
            yield delta

    def _note(self, delta: PostgresDelta, observer: Session) -> None:
        with delta.snapshot().read(observer):
            for name, watermark in delta._before.watermarks.items():
                there = db.raw(f"select '{name}', to_jsonb({name})::text from {name} where ")
                until = window.condition(watermark, replace(delta.windows[name], low=None))
                self._noted.update(observer.rows(there + until))

    def _bounded(self, delta: PostgresDelta) -> PostgresDelta:
        return delta


class NaiveSource(ObservedSource):
    """Reads whatever changed after the last change that it has seen: `> max(updated_at)`."""

    def _bounded(self, delta: PostgresDelta) -> PostgresDelta:
        windows = {}
        for name, safe in delta.windows.items():
            last = delta._session.value(f"select max(updated_at) from {name}")
            windows[name] = Window(safe.low, last + timedelta(microseconds=1))
        to_send = [name for name, window in windows.items() if not window.is_empty]
        return replace(delta, windows=windows, to_send=to_send)


@pytest.fixture
def shop(retail: Retail) -> Retail:
    """A shop in which writers may change and delete whatever they like."""
    retail.warehouse.execute("operational", SHOP)
    entities = {
        name: entity.model_copy(update={"max_delete_ratio": 1.0})
        for name, entity in retail.area.entities.items()
    }
    retail.area = retail.area.model_copy(update={"entities": entities})
    return retail


def test_nothing_is_lost_while_writers_are_at_work(shop: Retail, monkeypatch: pytest.MonkeyPatch):
    noted: Rows = set()
    monkeypatch.setattr(sources, "of", partial(ObservedSource, noted))

    run_beside_writers(shop, SECONDS)

    assert found(shop, "mrr", CURRENT) == found(shop, "operational", SOURCE)
    assert found(shop, "stg", REJECTED) == found(shop, "operational", REFUSABLE)
    staged, rejected = found(shop, "stg", STAGED), found(shop, "stg", REJECTED)
    clean = {row for row in staged if row[:2] not in rejected}
    assert clean == found(shop, "operational", PASSABLE)
    assert found(shop, "dwh", PUBLISHED) == staged
    assert noted - found(shop, "mrr", EVER) == set()
    assert found(shop, "stg", STAGED_TOWNS) - found(shop, "dwh", PUBLISHED_TOWNS) == set()
    assert verify.run(shop.servers, shop.area).is_equal
    again = rebuild.run(shop.servers, shop.area, dry_run=True)
    assert [one for one in again if one.added or one.changed or one.removed] == []


def test_the_naive_bound_loses_rows_beside_the_same_writers(
    shop: Retail, monkeypatch: pytest.MonkeyPatch
):
    """Were nothing lost here, the test above would prove nothing."""
    noted: Rows = set()
    monkeypatch.setattr(sources, "of", partial(NaiveSource, noted))

    run_beside_writers(shop, 6)

    assert noted - found(shop, "mrr", EVER) != set()


def run_beside_writers(shop: Retail, seconds: int) -> None:
    """Run batches back to back while writers write, and one more when they have gone home."""
    scripts = [f"--file={SCRIPTS / name}.sql@{weight}" for name, weight in WEIGHTS.items()]
    options = "--no-vacuum --client=8 --jobs=2 --max-tries=100".split()
    source = shop.warehouse.dsn["operational"]
    with subprocess.Popen(
        [site.installed() / "pgbench", *options, f"--time={seconds}", *scripts, source],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as writers:
        deadline = time.monotonic() + seconds + PATIENCE
        while writers.poll() is None and time.monotonic() < deadline:
            # While a transaction is prepared, no bound is safe.
            with suppress(WindowError):
                shop.run()
        writers.kill()  # They are home by now.
        _, complaints = writers.communicate(timeout=PATIENCE)
    assert writers.returncode == 0, complaints
    wait_until(lambda: shop.warehouse.rows("operational", PGBENCH) == [])
    shop.run()


def found(shop: Retail, layer: ServerName, query: str) -> Rows:
    return set(shop.warehouse.rows(layer, query))
