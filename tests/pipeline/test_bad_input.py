"""Every bad input has an error of its own, says what to do, and leaves nothing half-written."""

from typing import Any

import pytest

from tests.fix_retail import Retail
from tests.fix_servers import SERVERS
from tidemark.declare.project import Project
from tidemark.errors import (
    ConfigError,
    ConnectError,
    ContractError,
    NullWatermarkError,
    ServerVersionError,
    StatementError,
    TidemarkError,
)
from tidemark.model import ServerName
from tidemark.postgres import sessions
from tidemark.postgres.sessions import Servers

MIGRATE = "into a new file of sql/retail/mrr/ and run `tidemark migrate`"


def state(retail: Retail) -> list[Any]:
    marks = "select entity, position ->> 'high' from tidemark.source_position order by 1"
    return [retail.contents(), retail.warehouse.rows("mrr", marks)]


def refused(retail: Retail, kind: type[TidemarkError]) -> str:
    """Run a batch that has to be refused, and return why; nothing may have been written."""
    before = state(retail)
    with pytest.raises(TidemarkError) as raised:
        retail.run()
    assert type(raised.value) is kind
    assert state(retail) == before
    return str(raised.value)


def logged(retail: Retail) -> list[tuple[Any, ...]]:
    """Return status and message of the last batch, and of its last hop."""
    return retail.warehouse.rows(
        "dwh",
        """
        select distinct b.status, b.error_message, l.hop, l.status, l.error_message
        from etl_batches as b inner join etl_logs as l using (batch_id)
        where b.batch_id = (select max(batch_id) from etl_batches) and l.status <> 'SUCCESS'
        """,
    )


def with_dsn(retail: Retail, layer: ServerName, dsn: str) -> None:
    servers = Servers({**retail.warehouse.dsn, layer: dsn})
    retail.servers = retail.stack.enter_context(servers)


@pytest.mark.parametrize("layer", SERVERS)
def test_an_unreachable_server_is_named(retail: Retail, layer: ServerName):
    with_dsn(retail, layer, f"postgresql://reader@127.0.0.1:1/{layer}")
    assert retail.warehouse.rows("mrr", "select count(*) from tidemark.applied_batch") == [(0,)]
    with pytest.raises(ConnectError) as raised:
        retail.run()
    start = f"{layer}: 127.0.0.1:1/{layer} as reader can't be reached: connection to server at \""
    assert str(raised.value).startswith(start)
    assert str(raised.value).endswith(f"Start the server, or correct TIDEMARK_{layer.upper()}_DSN.")


@pytest.mark.parametrize("layer", SERVERS)
def test_a_wrong_password_is_never_repeated(retail: Retail, layer: ServerName):
    host = retail.warehouse.dsn[layer].rpartition("@")[2]
    with_dsn(retail, layer, f"postgresql://postgres:hunter2@{host}")
    with pytest.raises(ConnectError) as raised:
        retail.run()
    address, _, name = host.partition("/")
    assert str(raised.value) == (
        f"{layer}: {address}/{name} as postgres: the login is refused. "
        f"Put the right user and password into TIDEMARK_{layer.upper()}_DSN."
    )


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://postgres:hunter%2@127.0.0.1/dwh",
        "postgresql://postgres:hun@ter2@127.0.0.1/dwh",
        "postgresql://postgres:1/hunter2@127.0.0.1:5432/dwh",
        "postgresql://postgres:hunter/2@127.0.0.1:5432/dwh",
        "host=127.0.0.1 password=hunter 2",
        "hunter2",
    ],
)
def test_a_password_that_breaks_the_dsn_is_not_repeated(dsn: str):
    with pytest.raises(ConfigError) as raised:
        sessions.connect(dsn, "dwh", purpose="test")
    assert raised.value.__cause__ is None
    assert str(raised.value) == (
        "dwh: TIDEMARK_DWH_DSN can't be read. Write postgresql://user:password@host:port/database, "
        "with special characters of the password percent-encoded: @ is %40, / is %2F, % is %25."
    )


def test_a_server_that_is_too_old_is_refused_with_both_versions(
    retail: Retail, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "OLDEST_LAYER", 990000)
    with pytest.raises(ServerVersionError) as raised:
        retail.run()
    [(version,)] = retail.warehouse.rows("dwh", "show server_version")
    assert str(raised.value) == (
        f"dwh: the server is PostgreSQL {version}, and Tidemark needs 99 or newer there. "
        "Upgrade it, or point TIDEMARK_DWH_DSN to another server."
    )


def test_a_layer_that_was_not_migrated_says_how(retail: Retail):
    retail.warehouse.execute("mrr", "drop table tidemark.source_position cascade")
    with pytest.raises(StatementError) as raised:
        retail.run()
    assert str(raised.value) == (
        'mrr: relation "tidemark.source_position" does not exist. Run `tidemark migrate`.'
    )


def test_rows_without_a_watermark_are_counted(retail: Retail):
    retail.run()
    retail.warehouse.execute("operational", "alter table sales alter updated_at drop not null")
    retail.add("sales", 5, updated_at=None)
    retail.add("sales", 6, updated_at=None)
    assert refused(retail, NullWatermarkError) == (
        "sales: 2 rows have no updated_at, so no window would ever contain them. "
        "Backfill the column, or set `extract: full` in sql/retail/area.yml."
    )


def test_a_refused_batch_is_logged_as_failed_with_the_reason(retail: Retail):
    retail.run()
    retail.warehouse.execute("operational", "alter table sales drop column discount")
    said = refused(retail, ContractError)
    assert logged(retail) == [("FAILED", f"extract: {said}", "extract", "FAILED", said)]


NAMED = [
    (
        "updated_at\n    deletes: detect\n    mrr: mrr_dim_c",
        "updatd_at\n    deletes: detect\n    mrr: mrr_dim_c",
        "operational: public.customers has no column 'updatd_at', but entities.customers of "
        "sql/retail/area.yml names it. Did you mean 'updated_at'?",
    ),
    (
        "public.sales",
        "public.sails",
        "operational: the table public.sails does not exist, but entities.sales of "
        "sql/retail/area.yml names it. Did you mean 'sales'? Create it (`tidemark "
        "migrate` applies sql/), or correct the name.",
    ),
    (
        "key: [sale_id]",
        "key: [sales_id]",
        "operational: public.sales has no column 'sales_id', but entities.sales of "
        "sql/retail/area.yml names it. Did you mean 'sale_id'?",
    ),
    (
        "key: [sale_id]",
        "key: [customer_id]",
        "operational: no unique index of public.sales lies within the key (customer_id), so two "
        "of its rows could be one row here. Correct `key`, or create the unique index.\n"
        "dwh: public.dwh_fact_sales has no column for 'customer_id' of stg_fact_sales, which "
        "identifies or dates a fact. Add one, or map it with entities.sales.fact.rename of "
        "sql/retail/area.yml.",
    ),
    (
        "updated_at\n    deletes: detect\n    mrr: mrr_dim_p",
        "name\n    deletes: detect\n    mrr: mrr_dim_p",
        "operational: the watermark public.products.name is text, and a window needs "
        "timestamptz, timestamp or date, or a number of which you name the `watermark_sequence`. "
        "Name another column, or set `extract: full`.",
    ),
    (
        "mrr: mrr_fact_sales",
        "mrr: mrr_fact_sails",
        "mrr: the table public.mrr_fact_sails does not exist, but entities.sales.mrr of "
        "sql/retail/area.yml names it. Did you mean 'mrr_fact_sales'? Create it (`tidemark "
        "migrate` applies sql/), or correct the name.",
    ),
]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("right", "wrong", "said"), NAMED)
def test_a_name_that_the_source_or_the_mirror_lacks_stops_the_run(
    retail: Retail, right: str, wrong: str, said: str
):
    retail.run()
    declare(retail, right, wrong)
    assert refused(retail, ContractError) == said


def declare(retail: Retail, right: str, wrong: str) -> None:
    """Put something wrong into area.yml."""
    path = retail.home / "sql" / "retail" / "area.yml"
    declared = path.read_text("utf-8")
    assert declared.count(right) == 1
    path.write_text(declared.replace(right, wrong), "utf-8")
    retail.area = Project(retail.home).area("retail")


STAR_NAMES = [
    (
        "type2: [segment, city, country]",
        "type2: [segment, town, country]",
        "dwh: public.dwh_dim_customers has no column 'town', but entities.customers.dimension of "
        "sql/retail/area.yml names it.",
    ),
    (
        "surrogate_key: product_key",
        "surrogate_key: produkt_key",
        "dwh: public.dwh_dim_products has no column 'produkt_key', but "
        "entities.products.dimension of sql/retail/area.yml names it. "
        "Did you mean 'product_key'?",
    ),
    (
        "event_time: transaction_timestamp",
        "event_time: transaction_time",
        "stg: stg_fact_sales has no column 'transaction_time', but entities.sales.fact of "
        "sql/retail/area.yml names it. Did you mean 'transaction_date'?",
    ),
    (
        "rename: {original_sale_id: sale_id}",
        "rename: {}",
        "dwh: nothing feeds public.dwh_fact_sales.original_sale_id: STG has no such column. "
        "Add it to STG, rename it, or give it a default.",
    ),
    (
        "table: dwh_fact_sales",
        "table: dwh_fact_sails",
        "dwh: the table public.dwh_fact_sails does not exist, but entities.sales.fact of "
        "sql/retail/area.yml names it. Did you mean 'dwh_fact_sales'? Create it (`tidemark "
        "migrate` applies sql/), or correct the name.",
    ),
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("right", "wrong", "said"), STAR_NAMES)
def test_a_name_that_the_star_lacks_stops_the_batch_before_anything_moves(
    retail: Retail, right: str, wrong: str, said: str
):
    declare(retail, right, wrong)
    with pytest.raises(ContractError) as raised:
        retail.run()
    assert str(raised.value) == said
    assert logged(retail) == [("FAILED", f"extract: {said}", "extract", "FAILED", said)]
    assert retail.warehouse.rows("mrr", "select from tidemark.applied_batch") == []


DRIFT: list[tuple[ServerName, str, str]] = [
    (
        "operational",
        "alter table customers alter city type varchar(40)",
        "operational and mrr: column 'city' is character varying(40) in public.customers and text "
        'in public.mrr_dim_customers. Put `alter table if exists "mrr_dim_customers" alter column '
        '"city" type character varying(40); alter table if exists "mrr_dim_customers_history" '
        f'alter column "city" type character varying(40);` {MIGRATE}.',
    ),
    (
        "mrr",
        "alter table mrr_fact_sales alter quantity type bigint; "
        "alter table mrr_fact_sales_history alter quantity type bigint",
        "operational and mrr: column 'quantity' is integer in public.sales and bigint in "
        'public.mrr_fact_sales. Put `alter table if exists "mrr_fact_sales" alter column '
        '"quantity" type integer; alter table if exists "mrr_fact_sales_history" alter column '
        f'"quantity" type integer;` {MIGRATE}.',
    ),
    (
        "mrr",
        "alter table mrr_fact_sales drop column _deleted_at",
        "mrr: public.mrr_fact_sales has no column '_deleted_at', but entities.sales.mrr of "
        "sql/retail/area.yml names it. Did you mean 'updated_at'?",
    ),
]


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(("layer", "statement", "said"), DRIFT)
def test_a_mirror_that_disagrees_with_its_source_stops_the_run(
    retail: Retail, layer: ServerName, statement: str, said: str
):
    retail.run()
    retail.warehouse.execute(layer, statement)
    retail.change("products", 1, unit_price=11)
    assert refused(retail, ContractError) == said


INTO_STG = "into a new file of sql/retail/stg/ and run `tidemark migrate`"

LATER_DRIFT: list[tuple[ServerName, str, str]] = [
    (
        "stg",
        "alter table landing.sales add column channel text",
        "mrr and stg: column 'channel' (text) of landing.sales is not in public.mrr_fact_sales. "
        "Let the cleansing view do without it. `tidemark migrate` brings landing.sales in step.",
    ),
    (
        "stg",
        "drop view landing.clean_sales, landing.sales_computed; "
        "alter table landing.sales alter quantity type smallint",
        "mrr and stg: column 'quantity' is smallint in landing.sales and integer in "
        "public.mrr_fact_sales. `tidemark migrate` brings landing.sales in step.\n"
        "stg: the table landing.clean_sales does not exist, but the entity sales names it. Create "
        "it (`tidemark migrate` applies sql/), or correct the name.",
    ),
    (
        "stg",
        "drop table landing.sales cascade",
        "stg: the table landing.sales does not exist, but the entity sales names it. Create it "
        "(`tidemark migrate` applies sql/), or correct the name.",
    ),
    (
        "stg",
        "alter table stg_fact_sales add column channel text",
        "stg: column 'channel' is text in public.stg_fact_sales and missing in "
        'public.stg_fact_sales_history. Put `alter table if exists "stg_fact_sales_history" add '
        f'column "channel" text;` {INTO_STG}.',
    ),
    (
        "stg",
        "drop view landing.clean_sales",
        "stg: the table landing.clean_sales does not exist, but the entity sales names it. Create "
        "it (`tidemark migrate` applies sql/), or correct the name.",
    ),
    (
        "dwh",
        "drop view vw_sales cascade; alter table dwh_fact_sales alter quantity type bigint",
        "stg and dwh: column 'quantity' is integer in STG, and public.dwh_fact_sales.quantity is "
        'bigint. Put `alter table if exists "stg_fact_sales" alter column "quantity" type bigint; '
        'alter table if exists "stg_fact_sales_history" alter column "quantity" type bigint;` '
        f"{INTO_STG}.",
    ),
    (
        "dwh",
        "alter table dwh_dim_customers add column shoe_size integer",
        "dwh: nothing feeds public.dwh_dim_customers.shoe_size: STG has no such column. Add it to "
        "STG, rename it, or give it a default.",
    ),
]


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(("layer", "statement", "said"), LATER_DRIFT)
def test_a_later_layer_that_disagrees_stops_the_batch_before_anything_moves(
    retail: Retail, layer: ServerName, statement: str, said: str
):
    retail.warehouse.execute(layer, statement)
    with pytest.raises(ContractError) as raised:
        retail.run()
    assert str(raised.value) == said
    applied = "select count(*) from tidemark.applied_batch"
    assert retail.warehouse.rows("mrr", applied) == [(0,)]
