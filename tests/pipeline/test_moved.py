"""A DWH of one server that was filled before it moves onto Citus (`TIDEMARK_TEST_CITUS`)."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests import fix_citus
from tests.fix_retail import SOLD, Retail
from tests.fix_servers import CLONED, Warehouse, database, everywhere, lay
from tests.queries import rows
from tidemark.declare.project import Project
from tidemark.install.migrate import migrate
from tidemark.model import Finding, ServerName
from tidemark.observe import workers
from tidemark.postgres import sessions
from tidemark.postgres.sessions import Servers
from tidemark.trust import verify

pytestmark = [
    pytest.mark.citus,
    pytest.mark.skipif(not fix_citus.COORDINATOR, reason="needs a Citus"),
]
LAYERS: tuple[ServerName, ...] = ("mrr", "stg")
CLOSED = "; ".join(f"alter role tidemark_{one} nologin" for one in ("etl", "analyst", "reader"))
"""What roles are on a worker before `migrate` has seen the extension."""

WHERE = """
    select table_name::text, citus_table_type
        || case distribution_column when '<none>' then '' else ' by ' || distribution_column end
    from citus_tables where table_name::text !~ '^partitions' order by 1
"""
PLACES = [
    ("dwh_dim_customers", "reference"),
    ("dwh_dim_date", "reference"),
    ("dwh_dim_products", "reference"),
    ("dwh_fact_sales", "distributed by original_sale_id"),
]
LEFT = """
    select d.logicalrelid::text from pg_dist_partition as d
    where pg_relation_size(d.logicalrelid) > 0
"""
"""Tables whose rows are on the coordinator too, where nothing reads them."""


def named() -> list[str]:
    """Return the workers as `doctor` names them."""
    return sorted(f"{host}:{port}" for host, port in fix_citus.workers())


def version() -> str:
    """Return the version of the extension."""
    with closing(psycopg2.connect(fix_citus.COORDINATOR)) as opened:
        [(found,)] = rows(opened, "select extversion from pg_extension where extname = 'citus'")
    return str(found)


def declare(retail: Retail, distribution: str) -> None:
    """Say in area.yml where the tables of the DWH lie."""
    path = retail.home / "sql" / "retail" / "area.yml"
    rest = [each for each in path.read_text("utf-8").splitlines() if "distribution:" not in each]
    path.write_text("\n".join([*rest, f"distribution: {distribution}", ""]), "utf-8")
    retail.area = Project(retail.home).area("retail")


@pytest.fixture
def moving(retail: Retail, templates: dict[ServerName, str]) -> Iterator[Retail]:
    """A warehouse whose DWH is on the coordinator, which has no extension there yet."""
    declare(retail, "none")
    with ExitStack() as stack:
        stack.callback(fix_citus.on_every_node, "drop database moving")
        fix_citus.on_every_node("create database moving", is_extended=False)
        yield _shop(retail, stack, {"dwh": database(templates["dwh"], "moving")})


@pytest.fixture
def plain(moving: Retail, templates: dict[ServerName, str]) -> Iterator[Retail]:
    """A second warehouse behind the same source, whose DWH stays on one server."""
    layers = {layer: templates[layer] for layer in LAYERS}
    others = {layer: database(dsn, "calm") for layer, dsn in layers.items()}
    others["dwh"] = database(templates["stg"], "calm_dwh")
    with ExitStack() as stack:
        stack.callback(lay, templates["stg"], "drop database if exists calm_dwh with (force)")
        lay(templates["stg"], "create database calm_dwh")
        stack.callback(everywhere, layers, "drop database calm with (force)")
        everywhere(layers, f"create database calm {CLONED}")
        yield _shop(moving, stack, others)


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
    shop.change(
        "sales", 1 + day % 3, quantity=10 * day, transaction_timestamp=SOLD.replace(day=day)
    )
    shop.delete("sales", f"sale_id = {9 + day}")


def load(*shops: Retail) -> None:
    """Run a batch of each."""
    for each in shops:
        each.run(max_delete_ratio=1)


def published(shop: Retail) -> dict[str, list[tuple[Any, ...]]]:
    """Return the star, its aggregates and its dates."""
    tables = ("agg_sales_daily", "agg_sales_monthly", "dwh_dim_date")
    found = {name: shop.warehouse.rows("dwh", f"select * from {name}") for name in tables}
    return shop.star() | {name: sorted(each, key=repr) for name, each in found.items()}


def test_a_filled_dwh_moves_with_all_its_rows_and_goes_on(moving: Retail, plain: Retail):
    load(moving, plain)
    for day in (1, 2):
        trade(moving, day)
        load(moving, plain)
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
        load(moving, plain)
    assert published(moving) == published(plain)
    for each in (moving, plain):
        assert verify.run(each.servers, each.area).is_equal


def test_its_tables_lie_on_workers_and_leave_nothing_behind(moving: Retail):
    load(moving)
    fix_citus.extend("moving")
    declare(moving, "citus")
    migrate(Project(moving.home), moving.servers, only=["dwh"])

    assert moving.warehouse.rows("dwh", WHERE) == PLACES
    assert moving.warehouse.rows("dwh", LEFT) == []


def test_a_new_dwh_is_made_on_workers(retail: Retail, templates: dict[ServerName, str]):
    declare(retail, "citus")
    with ExitStack() as stack:
        stack.callback(fix_citus.on_every_node, "drop database moving")
        fix_citus.on_every_node("create database moving")
        new = _shop(retail, stack, {"dwh": database(templates["dwh"], "moving")})
        load(new)
        assert new.warehouse.rows("dwh", WHERE) == PLACES
        assert verify.run(new.servers, new.area).is_equal


MANY = """
    insert into dwh_fact_sales (
        original_sale_id, customer_key, product_key, date_key, quantity, unit_price, discount,
        net_amount, status, transaction_date, transaction_timestamp, _batch_id
    )
    select n, 1, 1, 20250105, 1, 10, 0, 10, 'completed', '2025-01-05', '2025-01-05 12:00Z', 1
    from generate_series(1001, 101000) as n
"""
IN_GARDENS = """
    select count(*) from dwh_fact_sales inner join dwh_dim_products using (product_key)
    where product_group = 'Garden'
"""


def test_a_transaction_joins_what_it_has_written_on_workers(retail: Retail):
    retail.run()
    with retail.servers.session("dwh", "test") as dwh, dwh.rolled_back():
        dwh.run("update dwh_dim_products set product_group = 'Garden'")
        dwh.run(MANY)  # More than Citus sends through one connection, where it may have several.
        assert dwh.value(IN_GARDENS) == 100_004


def found(shop: Retail) -> list[Finding]:
    """Return what `doctor` says of workers, but for the first line, which is good news."""
    opened = sessions.connect(shop.servers.dsns["dwh"], "dwh", purpose="test", as_etl=False)
    with closing(opened) as dwh:
        return list(workers.examine(dwh, [shop.area]))[1:]


def problem(what: str, mend: str) -> Finding:
    return Finding("dwh", "problem", what, mend)


NOT_DISTRIBUTED = problem(
    "4 tables are not distributed, such as dwh_dim_date",
    "tidemark migrate",
)


def test_doctor_asks_for_a_coordinator_and_its_workers(moving: Retail):
    declare(moving, "citus")
    fix_citus.install("moving")
    parts = urlsplit(fix_citus.COORDINATOR)
    assert found(moving) == [
        problem(
            "the coordinator is not one of its nodes",
            f"select citus_set_coordinator_host('{parts.hostname}', {parts.port});",
        ),
        problem(
            "the coordinator has no worker",
            "select citus_add_node('worker-1', 5432); -- for each worker",
        ),
        NOT_DISTRIBUTED,
    ]


def test_doctor_names_what_migrate_has_still_to_do(moving: Retail):
    declare(moving, "citus")
    fix_citus.extend("moving")
    fix_citus.on_workers(CLOSED)
    assert found(moving) == [
        NOT_DISTRIBUTED,
        *[
            problem(
                f"tidemark_etl can't log in to the worker {one}: failed to connect to {one}",
                f"Let pg_hba.conf of {one} trust tidemark_etl and tidemark_analyst from the "
                "coordinator's address, or write their passwords into pg_dist_authinfo there.",
            )
            for one in named()
        ],
    ]

    migrate(Project(moving.home), moving.servers, only=["dwh"])
    assert found(moving) == []


def test_doctor_names_a_worker_without_the_extension(moving: Retail):
    declare(moving, "citus")
    fix_citus.extend("moving")
    migrate(Project(moving.home), moving.servers, only=["dwh"])
    fix_citus.on_workers("drop extension citus cascade", "moving")

    assert found(moving) == [
        problem(
            f"the extension citus is missing on the worker {one}, and {version()} on the "
            "coordinator",
            f"create extension citus; -- on {one} (docs/scale.md)",
        )
        for one in named()
    ]


def test_doctor_compares_what_sessions_on_workers_go_by(moving: Retail):
    declare(moving, "citus")
    fix_citus.extend("moving")
    migrate(Project(moving.home), moving.servers, only=["dwh"])
    fix_citus.on_workers("alter database moving set intervalstyle = 'iso_8601'")
    in_moving = "alter role tidemark_etl in database moving"
    fix_citus.on_workers(f"{in_moving} set extra_float_digits = 0")

    others = [
        Finding(
            "dwh",
            "warning",
            f"intervalstyle is 'iso_8601' on the worker {one}, and 'postgres' on the coordinator: "
            "what casts times to text there differs",
            f"alter system set intervalstyle = 'postgres'; -- on {one}, and reload it",
        )
        for one in named()
    ]
    of_pipeline = [
        problem(
            f"extra_float_digits is '0' for tidemark_etl on the worker {one}, and the pipeline "
            "goes by '1'",
            "alter role tidemark_etl set extra_float_digits = '1';",
        )
        for one in named()
    ]
    assert found(moving) == [*others, *of_pipeline]
