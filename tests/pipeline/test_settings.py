"""What a server, a database or a login has set changes no value, and ends nothing of Tidemark's."""

import time
from typing import Any

import pytest

from tests.fix_areas import Dimension, Made, Make
from tests.fix_retail import PATIENCE, Retail
from tests.fix_servers import SERVERS
from tidemark.errors import StatementError
from tidemark.install import servers
from tidemark.model import ServerName
from tidemark.postgres import settings

HOSTILE = {
    "timezone": "Asia/Kathmandu",
    "timezone_abbreviations": "India",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-10",
    "bytea_output": "escape",
    "xmlbinary": "hex",
    "xmloption": "document",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "search_path": "pg_catalog",
    "default_transaction_isolation": "serializable",
    "gin_fuzzy_search_limit": "1",
    "restrict_nonsystem_relation_kind": "view, foreign-table",
    "exit_on_error": "on",
}
LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)
SENT = {
    "double": "float8",
    "single": "float4",
    "price": "money",
    "bytes": "bytea",
    "span": "interval",
    "day": "date",
    "local": "timestamp",
    "moment": "timestamptz",
    "doubles": "float8[]",
    "texts": "text[]",
    "mood": "public.mood",
}
"""Column -> type. The enum is one that each server has for itself, so that a stream is text."""
SENDS = "float8send float4send cash_send byteasend interval_send date_send timestamp_send"
SENDS += " timestamptz_send array_send array_send enum_send"

COLUMNS = {"id": "int", **SENT, "updated_at": "timestamptz"}
THINGS = Dimension(COLUMNS, ("id",), settings={"extract": "full", "watermark": "updated_at"})
ROWS = [
    (0.1 + 0.2, 1 / 3, "-1234.56", b"\x00\\\xff'", "-1 mon +2 days -3:00", "2025-03-04")
    + ("0044-03-15 12:00 BC", "2025-03-09 06:59:59.999999Z", [0.1 + 0.2, 5e-324])
    + (["NULL", None, "\\", '"'], "so \\ so"),
    (1e-7 / 3, 16777217, "0.01", b"", "1 year -1 day", "9999-12-31")
    + ("2025-10-26 01:30", "1900-01-01 00:00Z", [float("nan"), None])
    + ([], "fine"),
]


def bits(area: Made, layer: ServerName, table: str) -> list[tuple[Any, ...]]:
    """Return a table's values as PostgreSQL sends them, which no setting changes."""
    sends = ", ".join(f"{f}({c})" for c, f in zip(SENT, SENDS.split(), strict=True))
    found = area.warehouse.rows(
        layer, f"select id, {sends} from public.{table} where id is not null"
    )
    return sorted((key, *map(bytes, values)) for key, *values in found)


@pytest.fixture
def area(made: Make) -> Made:
    area = made(THINGS, first="create type public.mood as enum ('fine', E'so \\\\ so')")
    for key, row in enumerate(ROWS):
        area.put(THINGS, (key, *row, "2025-01-01"))
    return area


@pytest.mark.further(one_in=9)
@pytest.mark.parametrize("whose", ["database made", "role postgres in database made"])
@pytest.mark.parametrize("layers", [*[[layer] for layer in SERVERS], SERVERS], ids="/".join)
def test_values_arrive_and_verify_to_the_last_bit(area: Made, layers: list[ServerName], whose: str):
    for layer in layers:
        for setting, value in HOSTILE.items():
            area.warehouse.execute(layer, f"alter {whose} set {setting} = '{value}'")
    area.servers.close()
    area.run()
    sent = bits(area, "operational", "things")
    for layer, table in (("mrr", "mrr_things"), ("stg", "stg_things"), ("dwh", "dim_things")):
        assert bits(area, layer, table) == sent
    assert area.differences() == []
    assert area.run().changed == 0


@pytest.mark.further(one_in=4)
@pytest.mark.parametrize("layer", SERVERS)
def test_a_limit_of_a_login_ends_nothing(retail: Retail, layer: ServerName):
    """Everything waits for two seconds: for a lock, in a transaction, or for the next statement."""
    held, table = (layer, "tidemark.applied_batch")
    if layer == "operational":  # Its snapshot is open while rows land in MRR.
        held, table = ("mrr", "landing.sales")
    retail.run()
    retail.change("sales", 1, quantity=7)
    retail.servers.close()
    with retail.holding(held, f"lock table {table} in share mode"):
        for limit in LIMITS:
            retail.warehouse.execute(layer, f"alter database tidemark_test set {limit} = '1s'")
        running = retail.run_beside()
        retail.wait_for_lock(held)
        time.sleep(2)
    running.result(PATIENCE)
    retries = "select jsonb_path_query_array(additional_info, '$.retries[*].error') from etl_logs"
    assert [errors for (errors,) in retail.warehouse.rows("dwh", retries) if errors] == []


@pytest.mark.parametrize("layer", SERVERS)
def test_every_session_reads_and_prints_alike(retail: Retail, layer: ServerName):
    """What an application or a notebook opens does too."""
    for setting, value in HOSTILE.items():
        retail.warehouse.execute(layer, f"alter database tidemark_test set {setting} = '{value}'")
    query = "select 0.1::float8 + 0.2, '04/03/2025'::date::text, 1234.5::money::text"
    with retail.servers.session(layer, "test") as session:
        assert session.rows(query) == [(0.1 + 0.2, "2025-04-03", "$1,234.50")]
        assert session.value("select %(text)s", {"text": r"back\slash \n"}) == r"back\slash \n"
    engine = servers.engine(retail.warehouse.dsn[layer], layer)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).fetchall()
    engine.dispose()
    assert [tuple(row) for row in found] == [(0.1 + 0.2, "2025-04-03", "$1,234.50")]


def test_a_setting_that_a_server_does_not_know_is_left_out(retail: Retail, monkeypatch: Any):
    newer = {**settings.SESSION, "setting_of_tomorrow": "on"}
    monkeypatch.setattr(settings, "SESSION", newer)
    with retail.servers.session("dwh", "test") as session:
        assert session.value("select current_setting('setting_of_tomorrow', true)") is None
        assert session.value("show timezone") == "UTC"


def test_a_source_may_be_read_only_and_a_receiver_says_that_it_is(retail: Retail):
    read_only = "alter database tidemark_test set default_transaction_read_only = on"
    retail.warehouse.execute("operational", read_only)
    retail.run()
    retail.warehouse.execute("dwh", read_only)
    retail.servers.close()
    with pytest.raises(StatementError) as raised:
        retail.run()
    assert str(raised.value).endswith(
        "in a read-only transaction. Let TIDEMARK_DWH_DSN name a primary where it may write; where "
        "`show default_transaction_read_only` says on, somebody has forbidden it."
    )
