"""A worker beside others: long transactions in MRR, another worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from tests.fix_assets import Bank
from tests.fix_retail import wait_until
from tests.pipeline.test_worker import working
from tests.queries import execute
from tidemark.layers import inbox
from tidemark.layers.inbox import Posted
from tidemark.postgres import worktable

EVERY_TABLE = """
    do $$
    declare
        v_table regclass;
    begin
        for v_table in
            select oid from pg_class
            where relkind in ('r', 'p') and relnamespace <> 'pg_catalog'::regnamespace
        loop
            execute format('lock table %s in access share mode', v_table);
        end loop;
    end;
    $$
"""
OWN = """
    insert into tidemark.inbox (area, event_id, kind, payload)
    values ('assets', 'late', 'asset_transferred', %s)
"""
MANY = worktable.FEW + 200
FACTS = "select count(*) from assets.fct_asset_transactions"


@contextmanager
def dumping(bank: Bank) -> Iterator[Any]:
    """Hold a snapshot, an id and a lock of each table of MRR, as pg_dump and another load do."""
    with closing(bank.warehouse.connect("mrr")) as held:
        execute(held, "begin isolation level repeatable read")
        execute(held, EVERY_TABLE)
        execute(held, "select pg_current_xact_id()")
        yield held


def told(number: int) -> Posted:
    """Return an event of a kilobyte."""
    said = {"s3_key": f"{number:01000}", "user_nk": "a"}
    said["transaction_timestamp"] = "2023-10-15T14:30:00Z"
    return Posted(f"e{number}", "asset_transferred", json.dumps(said))


def has_facts(bank: Bank, count: int) -> bool:
    return bank.dwh(FACTS) == [(count,)]


def test_a_long_transaction_in_mrr_delays_no_event(bank: Bank):
    bank.transfer("14:00:00", "a")
    facts = 1
    with working(bank):
        wait_until(partial(has_facts, bank, facts))
        with dumping(bank) as held:
            execute(held, OWN, [told(0).payload])
            # Many take other ways, and leave tables so large that they are truncated.
            for count in (1, MANY, 1):
                with bank.servers.session("mrr", "post") as mrr:
                    inbox.post(mrr, "assets", [told(facts + one) for one in range(count)])
                facts += count
                bank.tell()
                wait_until(partial(has_facts, bank, facts))
            execute(held, "commit")
        bank.tell()
        wait_until(partial(has_facts, bank, facts + 1))
