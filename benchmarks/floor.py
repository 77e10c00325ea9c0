"""The floor: `psql COPY … TO STDOUT | psql COPY … FROM STDIN` of the rows that a batch wrote.

The rows of each hop are those that Tidemark has just put into the layer, and they go into clones of
its tables: the same columns, constraints, indexes and partitions, in another database of the same
server. They are laid out in tables of their own beforehand, so that nothing but two COPYs is timed.

Most rows of a delta have a key that is there already, and COPY can't replace a row. The keys of a
delta are therefore moved to the end, where an index takes them at the least cost.
"""

from __future__ import annotations

import subprocess
import time

from benchmarks.rig import PSQL, QUIET, Rig, psql
from tidemark.model import HOPS, Hop, Layer

_RECEIVER: dict[Hop, Layer] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}

_KEYS = {
    "mrr_dim_customers": ["customer_id"],
    "mrr_dim_products": ["product_id"],
    "mrr_fact_sales": ["sale_id"],
    "stg_dim_customers": ["customer_id"],
    "stg_dim_products": ["product_id"],
    "stg_fact_sales": ["sale_id"],
    "dwh_dim_customers": ["customer_key", "customer_id"],
    "dwh_dim_products": ["product_key", "product_id"],
    "dwh_fact_sales": ["sale_key", "original_sale_id"],
}

_SHIFT = 100_000_000_000


def copy_batch(rig: Rig, batch_id: int) -> dict[Hop, float]:
    """Copy what batch `batch_id` wrote, one table after the other; hop -> seconds."""
    return {hop: _copy_hop(rig, _RECEIVER[hop], batch_id) for hop in HOPS}


def _copy_hop(rig: Rig, layer: Layer, batch_id: int) -> float:
    tables = [table for table in _KEYS if table.startswith(layer)]
    rows = {table: _lay_out(rig, layer, table, batch_id) for table in tables}
    if layer == "dwh":
        _make_partitions(rig)
    start = time.perf_counter()
    for table in tables:
        if rows[table]:
            _copy_table(rig, layer, table)
    return time.perf_counter() - start


def _lay_out(rig: Rig, layer: Layer, table: str, batch_id: int) -> int:
    """Put the rows to send into `floor.<table>` of Tidemark's database; returns how many."""
    shift = 0 if batch_id == 1 else batch_id * _SHIFT
    columns = psql(
        rig.dsns[layer],
        "-c",
        "select string_agg(case when attname = any ("
        f"'{{{','.join(_KEYS[table])}}}') then format('%1$I + {shift} as %1$I', attname) "
        "else quote_ident(attname) end, ', ' order by attnum) from pg_attribute "
        f"where attrelid = 'public.{table}'::regclass and attnum > 0 and not attisdropped",
    )
    statements = [
        "create schema if not exists floor",
        f"drop table if exists floor.{table}",
        f"create table floor.{table} as select {columns} from {table} where _batch_id = {batch_id}",
        f"vacuum (freeze) floor.{table}",
        f"select count(*) from floor.{table}",
    ]
    options = [option for statement in statements for option in ("-c", statement)]
    return int(psql(rig.dsns[layer], *options))


def _make_partitions(rig: Rig) -> None:
    months = psql(
        rig.dsns["dwh"],
        "-c",
        "select array_agg(distinct date_trunc('month', transaction_timestamp)::date) "
        "from floor.dwh_fact_sales",
    )
    call = f"select tidemark.ensure_month_partitions('dwh_fact_sales', '{months or '{}'}')"
    psql(rig.floor("dwh"), "-c", "set role tidemark_etl", "-c", call)


def _copy_table(rig: Rig, layer: Layer, table: str) -> None:
    send = [PSQL, *QUIET, "-c", f"copy floor.{table} to stdout", "-d", rig.dsns[layer]]
    receive = [PSQL, *QUIET, "-c", f"copy {table} from stdin", "-d", rig.floor(layer)]
    with subprocess.Popen(send, stdout=subprocess.PIPE) as sender:
        received = subprocess.run(receive, stdin=sender.stdout, check=False)
    if sender.returncode or received.returncode:
        raise SystemExit(f"floor: {table} could not be copied.")
