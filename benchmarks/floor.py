"""The floor: `psql COPY … TO STDOUT | psql COPY … FROM STDIN` of the rows that a batch wrote.

The rows of each hop are those that Tidemark has just put into the layer, and they go into clones of
its tables: the same columns, constraints, indexes and partitions, in another database of the same
server. They are laid out in tables of their own beforehand, so that nothing but two COPYs is timed.

Most rows of a delta have a key that is there already, and COPY can't replace a row. Those rows are
deleted from the clones beforehand, untimed, so that the same rows come to lie in the same places of
the indexes.
"""

from __future__ import annotations

import subprocess
import time

from benchmarks.rig import PSQL, QUIET, Rig, psql, reaching
from tidemark.model import HOPS, Hop, ServerName

_RECEIVER: dict[Hop, ServerName] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}

_KEYS = {
    "mrr_dim_customers": "customer_id",
    "mrr_dim_products": "product_id",
    "mrr_fact_sales": "sale_id",
    "stg_dim_customers": "customer_id",
    "stg_dim_products": "product_id",
    "stg_fact_sales": "sale_id",
    "dwh_dim_customers": "customer_id",
    "dwh_dim_products": "product_id",
    "dwh_fact_sales": "original_sale_id",
}


def copy_batch(rig: Rig, batch_id: int) -> dict[Hop, float]:
    """Copy what batch `batch_id` wrote, one table after the other; hop -> seconds."""
    written = {
        hop: [
            table
            for table in _KEYS
            if table.startswith(_RECEIVER[hop]) and _lay_out(rig, _RECEIVER[hop], table, batch_id)
        ]
        for hop in HOPS
    }
    _make_partitions(rig)
    if batch_id > 1:
        for hop in HOPS:
            for table in written[hop]:
                _delete_replaced(rig, _RECEIVER[hop], table)
    rig.settle()
    taken = {hop: _copy_tables(rig, _RECEIVER[hop], written[hop]) for hop in HOPS}
    for hop in HOPS:
        psql(rig.dsns[_RECEIVER[hop]], "-c", "drop schema floor cascade")
    return taken


def _lay_out(rig: Rig, layer: ServerName, table: str, batch_id: int) -> int:
    """Put the rows to send into `floor.<table>` of Tidemark's database; returns how many."""
    statements = [
        "create schema if not exists floor",
        f"drop table if exists floor.{table}",
        f"create table floor.{table} as select * from {table} where _batch_id = {batch_id}",
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


def _delete_replaced(rig: Rig, layer: ServerName, table: str) -> None:
    """Delete from the clone what has a key of the rows to send."""
    key = _KEYS[table]
    _pipe(
        [f"copy (select {key} from floor.{table}) to stdout", rig.dsns[layer]],
        ["create temp table replaced (key bigint)", "copy replaced from stdin"]
        + [f"analyze replaced; delete from {table} using replaced where {key} = replaced.key"]
        + [rig.floor(layer)],
    )


def _copy_tables(rig: Rig, layer: ServerName, tables: list[str]) -> float:
    start = time.perf_counter()
    for table in tables:
        _pipe(
            [f"copy floor.{table} to stdout", rig.dsns[layer]],
            [f"copy {table} from stdin", rig.floor(layer)],
        )
    return time.perf_counter() - start


def _pipe(sending: list[str], receiving: list[str]) -> None:
    """Pipe one psql into another; each is given its commands and, last, its URL."""
    (sender_command, source), (receiver_command, target) = (
        (
            [PSQL, *QUIET, *(option for command in commands for option in ("-c", command))],
            reaching(dsn),
        )
        for *commands, dsn in (sending, receiving)
    )
    with subprocess.Popen(sender_command, env=source, stdout=subprocess.PIPE) as sender:
        received = subprocess.run(receiver_command, env=target, stdin=sender.stdout, check=False)
    if sender.returncode or received.returncode:
        raise SystemExit(f"floor: {receiving[-2]} failed.")
