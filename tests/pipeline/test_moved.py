"""A DWH of one server that was filled before it moves onto Citus (`TIDEMARK_TEST_CITUS`)."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests import fix_citus
from tests.fix_retail import SOLD, Retail
from tests.fix_servers import CLONED, Warehouse, database, everywhere, lay
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.model import ServerName
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify

pytestmark = [
    pytest.mark.citus,
    pytest.mark.skipif(not fix_citus.COORDINATOR, reason="needs a Citus"),
]
LAYERS: tuple[ServerName, ...] = ("mrr", "stg")
CLOSED = "alter role tidemark_etl nologin; alter role tidemark_analyst nologin"
"""What roles are on a worker before `migrate` has seen the extension."""

WHERE = """
    select table_name::text, citus_table_type
        || case distribution_column when '<none>' then '' else ' by ' || distribution_column end
    from citus_tables where table_name::text !~ '^partitions' order by 1
"""
LEFT = """
    select d.logicalrelid::text from pg_dist_partition as d
    where pg_relation_size(d.logicalrelid) > 0
"""
"""Tables whose rows are on the coordinator too, where nothing reads them."""


def declare(retail: Retail, distribution: str) -> None:
    """Say in area.yml where the tables of the DWH lie."""
    path = retail.home / "sql" / "retail" / "area.yml"
    rest = [each for each in path.read_text("utf-8").splitlines() if "distribution:" not in each]
    path.write_text("\n".join([*rest, f"distribution: {distribution}", ""]), "utf-8")
    retail.area = Project(retail.home).area("retail")


@pytest.fixture
def shops(retail: Retail, templates: dict[ServerName, str]) -> Iterator[list[Retail]]:
    """Two warehouses behind one source, each with a new DWH: on the coordinator, on one server.

    There is no extension yet.
    """
    declare(retail, "none")
    layers = {layer: templates[layer] for layer in LAYERS}
    calm = {layer: database(dsn, "calm") for layer, dsn in layers.items()}
    calm["dwh"] = database(templates["stg"], "calm_dwh")
    with ExitStack() as stack:
        stack.callback(fix_citus.on_every_node, "drop database moving")
        fix_citus.on_every_node("create database moving", is_extended=False)
        stack.callback(lay, templates["stg"], "drop database if exists calm_dwh with (force)")
        lay(templates["stg"], "create database calm_dwh")
        stack.callback(everywhere, layers, "drop database calm with (force)")
        everywhere(layers, f"create database calm {CLONED}")
        moving = {"dwh": database(templates["dwh"], "moving")}
        yield [_shop(retail, stack, others) for others in (moving, calm)]


def _shop(retail: Retail, stack: ExitStack, others: dict[ServerName, str]) -> Retail:
    dsn = {**retail.warehouse.dsn, **others}
    servers = stack.enter_context(Servers(dsn))
    warehouse = Warehouse(dsn)
    stack.callback(warehouse.close)
    migrate(Project(retail.home), servers, only=["dwh"])
    return Retail(warehouse, servers, retail.area, retail.home)


def trade(shop: Retail, day: int) -> None:
    """Let a day pass at the source: new, changed, moved and deleted rows."""
    shop.add("customers", 10 + day, name="Dee Dee")
    shop.add("sales", 10 + day, customer_id=10 + day, quantity=day)
    shop.change("customers", 1 + day % 3, city=f"Town {day}")
    shop.change("sales", 1 + day % 3, quantity=10 * day, transaction_timestamp=SOLD.replace(day=day))
    shop.delete("sales", f"sale_id = {9 + day}")


def load(shops: list[Retail]) -> None:
    """Run a batch of each."""
    for each in shops:
        each.run(max_delete_ratio=1)


def published(shop: Retail) -> dict[str, list[tuple[Any, ...]]]:
    """Return the star, its aggregates and its dates."""
    tables = ("agg_sales_daily", "agg_sales_monthly", "dwh_dim_date")
    found = {name: shop.warehouse.rows("dwh", f"select * from {name}") for name in tables}
    return shop.star() | {name: sorted(each, key=repr) for name, each in found.items()}


def test_a_filled_dwh_moves_with_all_its_rows_and_goes_on(shops: list[Retail]):
    moving, plain = shops
    load(shops)
    for day in (1, 2):
        trade(moving, day)
        load(shops)
    before = published(moving)
    fix_citus.extend("moving")
    fix_citus.on_workers(CLOSED)
    declare(moving, "citus")
    project = Project(moving.home)

    done = migrate(project, moving.servers, only=["dwh"])["dwh"]
    assert (done.files, done.mended, len(done.made)) == ([], [], 4)
    assert published(moving) == before
    again = migrate(project, moving.servers, only=["dwh"])["dwh"]
    assert (again.files, again.mended, again.made) == ([], [], [])

    for day in (3, 4):
        trade(moving, day)
        load(shops)
    assert published(moving) == published(plain)
    for each in shops:
        assert verify.run(each.servers, each.area).is_equal


def test_its_tables_lie_on_workers_and_leave_nothing_behind(shops: list[Retail]):
    moving = shops[0]
    load([moving])
    fix_citus.extend("moving")
    declare(moving, "citus")
    migrate(Project(moving.home), moving.servers, only=["dwh"])

    assert moving.warehouse.rows("dwh", WHERE) == [
        ("dwh_dim_customers", "reference"),
        ("dwh_dim_date", "reference"),
        ("dwh_dim_products", "reference"),
        ("dwh_fact_sales", "distributed by original_sale_id"),
    ]
    assert moving.warehouse.rows("dwh", LEFT) == []
