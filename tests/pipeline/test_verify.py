"""`verify` finds what was planted in any layer, names it, and a repair mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fix_areas import Dimension, Make
from tests.fix_retail import Retail
from tests.fix_servers import SERVERS
from tests.queries import execute
from tidemark.errors import LockedError
from tidemark.model import Hop, Overrides, ServerName
from tidemark.postgres import settings
from tidemark.sources import comparison
from tidemark.trust import verify
from tidemark.trust.verification import Verification

Found = list[tuple[Hop, str, str, tuple[str, ...], tuple[str, ...]]]

PLANTED: list[tuple[ServerName, str, Found]] = [
    (
        "operational",  # an update that did not move updated_at
        "update customers set city = 'Lyon', updated_at = updated_at where customer_id = 1",
        [("extract", "customers", "changed", ("1",), ("city",))],
    ),
    (
        "operational",  # a row that was written behind the mark
        "insert into products (product_id, name, product_group, unit_price, updated_at)"
        " values (9, 'Vase', 'Home', 5, '2025-01-01')",
        [("extract", "products", "missing", ("9",), ())],
    ),
    (
        "mrr",
        "update mrr_fact_sales set quantity = 70, discount = null where sale_id = 2",
        [
            ("extract", "sales", "changed", ("2",), ("quantity", "discount")),
            ("stage", "sales", "changed", ("2",), ("quantity", "net_amount")),
        ],
    ),
    (
        "mrr",
        "delete from mrr_dim_customers where customer_id = 2",
        [
            ("extract", "customers", "missing", ("2",), ()),
            ("stage", "customers", "surplus", ("2",), ()),
        ],
    ),
    (
        "mrr",
        "insert into mrr_dim_products select (jsonb_populate_record(p, '{\"product_id\": 77}')).*"
        " from mrr_dim_products as p where product_id = 1",
        [
            ("extract", "products", "surplus", ("77",), ()),
            ("stage", "products", "missing", ("77",), ()),
        ],
    ),
    (
        "stg",
        "update stg_dim_customers set segment = 'Vip' where customer_id = 3",
        [
            ("stage", "customers", "changed", ("3",), ("segment",)),
            ("publish", "customers", "changed", ("3",), ("segment",)),
        ],
    ),
    (
        "stg",
        "delete from stg_fact_sales where sale_id = 4",
        [("stage", "sales", "missing", ("4",), ()), ("publish", "sales", "surplus", ("4",), ())],
    ),
    (
        "stg",
        "insert into stg_dim_customers select (jsonb_populate_record(c, '{\"customer_id\": 77}')).*"
        " from stg_dim_customers as c where customer_id = 1",
        [
            ("stage", "customers", "surplus", ("77",), ()),
            ("publish", "customers", "missing", ("77",), ()),
        ],
    ),
    (
        "stg",
        "delete from stg_rejects",
        [("stage", "sales", "missing", ("5",), ("reject_reasons",))],
    ),
    (
        "stg",
        "update stg_rejects set key = '{\"sale_id\": 3}'",
        [
            ("stage", "sales", "missing", ("5",), ("reject_reasons",)),
            ("stage", "sales", "surplus", ("3",), ("reject_reasons",)),
        ],
    ),
    (
        "dwh",
        "update dwh_dim_products set product_group = 'Toys' where product_id = 2",
        [("publish", "products", "changed", ("2",), ("product_group",))],
    ),
    (
        "dwh",
        "update dwh_fact_sales set customer_key = 0, quantity = 9 where original_sale_id = 1",
        [("publish", "sales", "changed", ("1",), ("quantity", "customer_key.customer_id"))],
    ),
    (
        "dwh",
        "insert into dwh_fact_sales select (jsonb_populate_record(f,"
        ' \'{"original_sale_id": 77, "sale_key": 77}\')).* from dwh_fact_sales as f'
        " where original_sale_id = 1",
        [("publish", "sales", "surplus", ("77",), ())],
    ),
    (
        "dwh",
        "insert into dwh_dim_products select (jsonb_populate_record(p,"
        ' \'{"product_id": 77, "product_key": 77}\')).* from dwh_dim_products as p'
        " where product_id = 1",
        [("publish", "products", "surplus", ("77",), ())],
    ),
    (
        "dwh",
        "delete from dwh_dim_customers where customer_id = 3",
        [("publish", "customers", "missing", ("3",), ())],
    ),
]


@pytest.fixture
def shop(retail: Retail, monkeypatch: pytest.MonkeyPatch) -> Retail:
    """The shop after two batches: with a version that ended, and a sale that was refused."""
    monkeypatch.setattr(comparison, "_COUNTED_AFTER", 0)
    retail.add("sales", 5, quantity=-1)
    retail.run()
    retail.change("customers", 1, city="Rome")
    retail.run()
    return retail


def look(shop: Retail) -> Verification:
    return verify.run(shop.servers, shop.area)


def differences(found: Verification) -> Found:
    return [
        (check.hop, check.entity, one.kind, one.key, one.columns)
        for check in found.checks
        for one in check.compared.differences
    ]


def plant(shop: Retail, layer: ServerName, statement: str) -> None:
    """Write past whatever would stamp the row."""
    with shop.warehouse.connect(layer) as session:
        execute(session, "set session_replication_role = replica")
        execute(session, statement)


def test_layers_that_are_equal_are_said_to_be(shop: Retail):
    found = look(shop)

    assert found.is_equal
    assert {
        (check.hop, check.entity): (check.compared.sent, check.compared.kept)
        for check in found.checks
    } == {
        ("extract", "customers"): (3, 3),
        ("stage", "customers"): (3, 3),
        ("extract", "products"): (2, 2),
        ("stage", "products"): (2, 2),
        ("extract", "sales"): (5, 5),
        ("stage", "sales"): (5, 5),
        ("publish", "customers"): (3, 3),
        ("publish", "products"): (2, 2),
        ("publish", "sales"): (4, 4),
        ("publish", "agg_sales_daily"): (1, 1),
        ("publish", "agg_sales_monthly"): (1, 1),
    }


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize(("layer", "statement", "told"), PLANTED)
def test_what_was_planted_is_named_and_mended(
    shop: Retail, layer: ServerName, statement: str, told: Found
):
    plant(shop, layer, statement)

    found = look(shop)
    named = differences(found)
    assert [one for one in named if not one[1].startswith("agg_")] == told
    # What is planted in facts of the star shows in both of their aggregates as well.
    of_facts = layer == "dwh" and any(one[1] == "sales" for one in told)
    of_aggregates = {one[1] for one in named if one[1].startswith("agg_")}
    assert of_aggregates == ({"agg_sales_daily", "agg_sales_monthly"} if of_facts else set())

    shop.run(overrides=Overrides(repair=found.repair()))
    assert differences(look(shop)) == []
    assert look(shop).audits == []


def test_a_row_that_comes_back_with_its_old_stamp_is_named_and_mended(shop: Retail):
    before = shop.star()
    plant(shop, "operational", "create table kept as select * from sales where sale_id = 2")
    shop.delete("sales", "sale_id = 2")
    shop.run()
    assert shop.star() != before

    plant(shop, "operational", "insert into sales overriding system value select * from kept")
    assert shop.run().changed == 0
    found = look(shop)
    assert differences(found) == [("extract", "sales", "missing", ("2",), ())]

    shop.run(overrides=Overrides(repair=found.repair()))
    assert differences(look(shop)) == []
    assert shop.star() == before


def test_verifying_writes_nothing(shop: Retail):
    plant(shop, "mrr", "delete from mrr_dim_customers where customer_id = 2")
    tables = "select count(*), sum(relfilenode::bigint) from pg_class where relkind = 'r'"

    def state() -> dict[ServerName, Any]:
        return {layer: shop.warehouse.rows(layer, tables) for layer in SERVERS}

    before, contents = state(), shop.contents()
    assert not look(shop).is_equal
    assert (state(), shop.contents()) == (before, contents)


@pytest.mark.parametrize(
    "write",
    [
        lambda shop: shop.change("customers", 2, city="Oslo"),
        lambda shop: shop.add("sales", 6),
        lambda shop: shop.warehouse.execute("operational", "delete from sales where sale_id = 3"),
    ],
    ids=["update", "insert", "delete"],
)
def test_what_the_next_batch_moves_is_no_difference(
    shop: Retail, write: Callable[[Retail], object]
):
    write(shop)
    shop.warehouse.rows("operational", "select pg_stat_force_next_flush()")

    found = look(shop)

    assert found.is_equal
    assert sum(check.compared.pending for check in found.checks) == 1


def test_what_later_hops_have_still_to_move_is_no_difference(shop: Retail):
    shop.change("customers", 2, city="Oslo")
    shop.warehouse.execute("operational", "delete from sales where sale_id = 3")
    shop.warehouse.rows("operational", "select pg_stat_force_next_flush()")
    batch = shop.begin()
    for hop in ("extract", "stage"):
        shop.hop(hop, batch)
        found = look(shop)
        assert found.is_equal
        pending = {c.hop: c.compared.pending for c in found.checks if c.compared.pending}
        assert set(pending) == {"stage" if hop == "extract" else "publish"}


def test_a_change_out_of_order_is_no_difference(shop: Retail):
    """The version in force at its time has it; the current one is that of the later change."""
    plant(
        shop,
        "operational",
        "update customers set updated_at = '2025-02-02', city = 'Bonn' where customer_id = 1",
    )
    shop.run(overrides=Overrides(refresh=frozenset({"customers"})))

    assert look(shop).is_equal


def test_versions_and_facts_that_can_not_be_are_named(shop: Retail):
    plant(
        shop,
        "dwh",
        "update dwh_dim_customers set valid_to = valid_to + interval '1 day'"
        " where customer_id = 1 and not is_current;"
        "update dwh_fact_sales set customer_key ="
        " (select customer_key from dwh_dim_customers where customer_id = 1 and is_current)"
        " where original_sale_id = 4",
    )
    told = [(audit.table, audit.what, audit.keys) for audit in look(shop).audits]
    assert ("dwh_dim_customers", "versions overlap", [("1",)]) in told


@pytest.mark.further
def test_deletes_that_are_ignored_are_no_difference(shop: Retail):
    plant(shop, "operational", "delete from sales where sale_id = 3")
    ignoring = shop.area.model_copy(update=shop.entity("sales", deletes="ignore"))

    assert verify.run(shop.servers, ignoring).is_equal


def test_a_verification_waits_and_says_for_whom(shop: Retail, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "PATIENCE", "100ms")
    lock = "select from tidemark.lock where name = 'run retail' for update"
    said = r"^retail: another process works on this area, still after 100ms: pid \d+"
    with shop.holding("dwh", lock), pytest.raises(LockedError, match=said):
        look(shop)


@pytest.mark.further
def test_a_row_that_is_gone_from_a_mirror_and_is_refused_now_is_mended(shop: Retail):
    plant(shop, "mrr", "delete from mrr_fact_sales where sale_id = 4")
    plant(shop, "operational", "update sales set quantity = -4 where sale_id = 4")

    shop.run(overrides=Overrides(repair=look(shop).repair()))

    assert differences(look(shop)) == []
    assert ("sales", {"sale_id": 4}, ["quantity is not positive"], False) in shop.rejects()


def test_values_that_are_equal_to_their_type_are_no_difference(made: Make):
    """No batch writes them either: the mirror has the one, and the source the other."""
    kinds = {"n": "numeric", "f": "double precision", "j": "jsonb"}
    things = Dimension({"id": "int", **kinds, "updated_at": "timestamptz"}, ("id",), ("n", "j"))
    area = made(things)
    area.put(things, (1, "1.0", "0", "[1.0]", "2025-01-01"))
    area.run()
    area.change(things, "n = 1.00, f = '-0', j = '[1.00]'")

    assert area.differences() == []


@pytest.mark.further
def test_a_repair_tells_the_marks_of_the_batches_that_it_publishes(shop: Retail):
    batch = shop.begin()
    shop.hop("extract", batch)
    shop.hop("stage", batch)
    plant(shop, "dwh", "update dwh_dim_products set product_group = 'Toys' where product_id = 2")

    shop.run(overrides=Overrides(repair=look(shop).repair()))

    extracted = """
        select entity, (position ->> 'high')::timestamptz from tidemark.source_position order by 1
    """
    published = "select entity, high_water_mark from high_water_mark order by 1"
    assert shop.warehouse.rows("dwh", published) == shop.warehouse.rows("mrr", extracted)
