"""Each hop happens exactly once, and each layer catches up with all that it missed."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from tests.fix_retail import PATIENCE, SOLD, Retail, processed
from tidemark.errors import ConnectError, StatementError
from tidemark.model import HOPS, Hop, ServerName

WAREHOUSE: tuple[ServerName, ...] = ("mrr", "stg", "dwh")
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(WAREHOUSE, size)]


def written(retail: Retail) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that the layers hold, and which batches they have applied."""
    query = "select batch_id from tidemark.applied_batch order by 1"
    return retail.contents() | {layer: retail.warehouse.rows(layer, query) for layer in WAREHOUSE}


def present(retail: Retail) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is current in the star, and what each layer holds, without the histories."""
    star = retail.star()
    return {
        "mrr": retail.warehouse.rows(
            "mrr", "select sale_id, quantity from mrr_fact_sales order by 1"
        ),
        "stg": retail.warehouse.rows(
            "stg", "select sale_id, quantity from stg_fact_sales order by 1"
        ),
        "customers": [row[:6] for row in star["customers"] if row[8]],
        "sales": [(row[0], row[1], *row[5:]) for row in star["sales"]],
    }


def cities(retail: Retail) -> list[str]:
    """Return where customer 1 has lived, in order."""
    return [row[4 - 1] for row in retail.star()["customers"] if row[0] == 1]


def trade(retail: Retail, city: str) -> None:
    """Let customer 1 move, buy, and have the last purchase moved to another month."""
    [(last,)] = retail.warehouse.rows("operational", "select max(sale_id) from sales")
    retail.change("customers", 1, city=city)
    retail.change("sales", last, transaction_timestamp=SOLD + timedelta(days=30 * last))
    retail.add("sales", last + 1, quantity=last)


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("hop", HOPS)
def test_a_hop_that_is_repeated_writes_nothing(retail: Retail, hop: Hop):
    batch_id = retail.run().batch_id
    before = written(retail)
    assert retail.hop(hop, batch_id).changed == 0
    assert written(retail) == before


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("hop", HOPS)
def test_a_hop_may_be_repeated_before_the_next(retail: Retail, undisturbed: Retail, hop: Hop):
    batch_id = retail.begin()
    for each in HOPS:
        retail.hop(each, batch_id)
        if each == hop:
            assert retail.hop(each, batch_id).changed == 0
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


def test_an_extract_of_an_older_batch_after_a_newer_one_does_nothing(retail: Retail):
    older = retail.begin()
    retail.run()
    trade(retail, "Lyon")
    before = written(retail)
    assert [retail.hop(hop, older).changed for hop in HOPS] == [0, 0, 0]
    assert written(retail) == before


def test_hops_of_two_runs_may_interleave(retail: Retail, undisturbed: Retail):
    first = retail.begin()
    retail.hop("extract", first)
    undisturbed.run()
    trade(retail, "Lyon")
    second = retail.begin()
    late: Sequence[tuple[Hop, int]] = [
        ("stage", second),
        ("extract", second),
        ("publish", first),
        ("stage", first),
        ("publish", second),
        ("stage", second),
        ("publish", first),
    ]
    for hop, batch_id in late:
        retail.hop(hop, batch_id)
    undisturbed.run()
    assert retail.contents() == undisturbed.contents()


def test_stg_catches_up_with_every_version_that_it_missed(retail: Retail, undisturbed: Retail):
    retail.run()
    undisturbed.run()
    for city in ("Lyon", "Nice", "Metz"):
        trade(retail, city)
        undisturbed.run()
        with retail.without("stg"), pytest.raises(ConnectError):
            retail.run()
    retail.run()
    assert cities(retail) == ["Paris", "Lyon", "Nice", "Metz"]
    assert retail.contents() == undisturbed.contents()


def test_the_star_catches_up_with_every_version_that_it_missed(retail: Retail, undisturbed: Retail):
    retail.run()
    undisturbed.run()
    for city in ("Lyon", "Nice", "Metz"):
        trade(retail, city)
        undisturbed.run()
        batch_id = retail.begin()
        retail.hop("extract", batch_id)
        retail.hop("stage", batch_id)
    retail.run()
    assert cities(retail) == ["Paris", "Lyon", "Nice", "Metz"]
    assert retail.contents() == undisturbed.contents()


@pytest.mark.further(but=["mrr", "mrr+stg+dwh"])
@pytest.mark.parametrize("lost", SUBSETS, ids="+".join)
def test_what_layers_lost_is_there_again_after_one_batch(
    retail: Retail, undisturbed: Retail, lost: Sequence[ServerName]
):
    retail.run()
    backups = [retail.back_up(layer) for layer in lost]
    for city in ("Lyon", "Nice"):
        trade(retail, city)
        retail.run()
    for restore in backups:
        restore()
    trade(retail, "Metz")
    retail.run()
    undisturbed.run()
    assert present(retail) == present(undisturbed)
    assert retail.run().changed == 0


def test_a_restored_mirror_reads_again_what_it_lost(retail: Retail):
    retail.run()
    restore = retail.back_up("mrr")
    trade(retail, "Lyon")
    lost = processed(retail.run(), "extract")
    restore()
    assert processed(retail.run(), "extract") == lost == {"customers": 1, "products": 0, "sales": 2}


def test_freshness_does_not_move_back_with_a_restored_mirror(retail: Retail):
    """The mirror's mark is older, and so is the bound; what was published stays published."""
    query = "select min(high_water_mark) from high_water_mark"
    retail.run()
    restore = retail.back_up("mrr")
    retail.run()
    before = retail.warehouse.rows("dwh", query)
    restore()
    retail.run(margin=timedelta(hours=1))
    assert retail.warehouse.rows("dwh", query) == before


def test_a_restored_star_takes_no_batch_id_that_was_used_before(retail: Retail):
    retail.run()
    restore = retail.back_up("dwh")
    used = [retail.run().batch_id for _ in range(3)][-1]
    restore()
    batch_id = retail.run().batch_id
    query = "select batch_id, status from etl_batches where batch_id > 1 order by 1"
    assert batch_id == used + 1
    assert retail.warehouse.rows("dwh", query) == [(2, "FAILED"), (batch_id, "SUCCESS")]


def test_what_streams_beside_a_stream_that_fails_is_ended(retail: Retail):
    """One entity's rows are refused while another's landing table waits for a lock."""
    retail.run()
    retail.change("sales", 1, quantity=7)
    retail.change("customers", 1, city="Lyon")
    refused = "alter table landing.customers add constraint nowhere check (city <> 'Lyon')"
    retail.warehouse.execute("mrr", refused)
    with (
        retail.holding("mrr", "lock table landing.sales in share mode"),
        pytest.raises(StatementError, match="nowhere"),
    ):
        retail.run_beside().result(timeout=PATIENCE)
