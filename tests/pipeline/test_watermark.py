"""What one batch reads, with real sessions that write to the source at the same time."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from tests.fix_retail import PATIENCE, STAMP, Retail, counted, processed
from tests.fix_servers import connect
from tests.queries import execute, value
from tidemark.errors import WindowError
from tidemark.model import ServerName
from tidemark.observe import plan
from tidemark.postgres.sessions import Servers

NAIVE = "select sale_id from sales where updated_at > %s order by 1"
LATER = datetime(2025, 2, 1, tzinfo=UTC)


def sell(session: Connection, key: int) -> datetime:
    """Sell in the session's transaction, and return when the row was stamped."""
    execute(
        session,
        """
        insert into sales (sale_id, customer_id, product_id, quantity, unit_price, status,
            transaction_timestamp)
        values (%s, 1, 1, 1, 10, 'completed', '2025-01-05')
        """,
        [key],
    )
    stamp: datetime = value(session, "select updated_at from sales where sale_id = %s", [key])
    return stamp


def marks(retail: Retail) -> dict[str, datetime]:
    query = """
        select entity, (position ->> 'high')::timestamptz from tidemark.source_position
        where position ? 'high'
    """
    return dict(retail.warehouse.rows("mrr", query))


def test_a_late_commit_is_extracted_by_the_next_batch(retail: Retail):
    late = retail.open_session("operational")
    stamp = sell(late, 5)
    retail.add("sales", 6)
    first = retail.run()
    late.commit()
    second = retail.run()
    assert processed(first, "extract")["sales"] == 4
    assert marks(retail)["sales"] > stamp
    assert processed(second, "extract")["sales"] == 2
    assert [key for key, _ in retail.sales()] == [1, 2, 3, 4, 5, 6]


def test_the_bound_that_others_use_loses_the_late_commit(retail: Retail):
    late = retail.open_session("operational")
    sell(late, 5)
    retail.add("sales", 6)
    seen = retail.warehouse.rows("operational", NAIVE, [datetime(1900, 1, 1, tzinfo=UTC)])
    bound = retail.warehouse.rows("operational", "select max(updated_at) from sales")[0]
    late.commit()
    assert seen == [(1,), (2,), (3,), (4,), (6,)]
    assert retail.warehouse.rows("operational", NAIVE, bound) == []


def test_an_idle_transaction_holds_the_bound_and_is_reported_with_its_pid(retail: Retail):
    idle = retail.open_session("operational")
    begun = value(idle, "select now()")
    pid = idle.info.backend_pid
    planned = plan.make(retail.servers, retail.area)
    held = counted(retail.run(), "extract")["sales"].info["held_back_by"]
    assert marks(retail) == dict.fromkeys(retail.area.entities, begun)
    assert str(held).startswith(f"pid {pid} (postgres, no application name), open for ")
    assert {entity.high for entity in planned.entities} == {begun}
    assert [str(e.held_by).split(" (")[0] for e in planned.entities] == [f"pid {pid}"] * 3


def test_a_batch_whose_bound_is_held_reads_what_was_written_before(retail: Retail):
    retail.add("sales", 5)
    idle = retail.open_session("operational")
    execute(idle, "select 1")
    retail.add("sales", 6)
    assert processed(retail.run(), "extract")["sales"] == 5


def test_the_mark_is_published_as_freshness(retail: Retail):
    retail.run()
    batch = retail.run().batch_id
    found = retail.warehouse.rows(
        "dwh", "select table_name, entity, high_water_mark, batch_id from high_water_mark"
    )
    tables = {entity.name: entity.dwh for entity in retail.area.entities.values()}
    expected = [(tables[name], name, mark, batch) for name, mark in marks(retail).items()]
    assert sorted(found) == sorted(expected)


def test_a_row_stamped_at_the_upper_end_is_read_by_the_next_batch_once(retail: Retail):
    clock = retail.open_session("operational")
    end = value(clock, "select now()")
    retail.add("sales", 5, updated_at=end)
    first = retail.run()
    clock.rollback()
    batches = [first, retail.run(), retail.run()]
    assert marks(retail)["sales"] > end
    assert [processed(batch, "extract")["sales"] for batch in batches] == [4, 1, 0]


def test_a_mark_never_moves_backwards(retail: Retail):
    retail.run()
    before = marks(retail)
    batch = retail.run(margin=timedelta(hours=1))
    assert marks(retail) == before
    assert processed(batch, "extract") == {"customers": 0, "products": 0, "sales": 0}


def test_a_mark_does_not_follow_the_settings_back(retail: Retail):
    retail.run()
    before = marks(retail)
    retail.run(**retail.entity("sales", settle=timedelta(days=1)))
    assert marks(retail)["sales"] == before["sales"]


def test_lookback_reads_again_and_writes_nothing(retail: Retail):
    retail.run()
    again = retail.run(**retail.entity("sales", lookback=timedelta(days=10_000)))
    assert processed(again, "extract")["sales"] == 4
    assert again.changed == 0


def test_lookback_finds_a_row_that_was_stamped_in_the_past(retail: Retail):
    lookback = retail.entity("sales", lookback=timedelta(days=10_000))
    retail.run()
    retail.add("sales", 5, updated_at=LATER)
    lost, found = retail.run(), retail.run(**lookback)
    assert [processed(lost, "extract")["sales"], processed(found, "extract")["sales"]] == [0, 5]
    assert [key for key, _ in retail.sales()] == [1, 2, 3, 4, 5]


def test_a_full_extract_finds_a_change_that_was_not_stamped(retail: Retail):
    full = retail.entity("products", extract="full")
    retail.run(**full)
    retail.warehouse.execute("operational", "alter table products disable trigger user")
    retail.change("products", 2, unit_price=99)
    changed, same = retail.run(**full), retail.run(**full)
    query = "select product_id, unit_price from mrr_dim_products order by 1"
    assert retail.warehouse.rows("mrr", query) == [(1, 10), (2, 99)]
    assert counted(changed, "extract")["products"].as_dict() == {
        "processed": 2,
        "inserted": 0,
        "updated": 1,
        "deleted": 0,
        "rejected": 0,
    }
    assert same.changed == 0


def test_a_full_extract_leaves_no_end_of_a_window_but_is_as_fresh_as_its_clock(retail: Retail):
    retail.run(**retail.entity("products", extract="full"))
    clock = "select clock from tidemark.batch_clock where area = 'retail'"
    fresh = "select high_water_mark from high_water_mark where entity = 'products'"
    assert sorted(marks(retail)) == ["customers", "sales"]
    assert retail.warehouse.rows("dwh", fresh) == retail.warehouse.rows("stg", clock)


def test_settle_leaves_the_youngest_rows_to_a_later_batch(retail: Retail):
    retail.add("sales", 5)
    settle = retail.entity("sales", settle=timedelta(hours=1))
    assert processed(retail.run(**settle), "extract")["sales"] == 4


def test_settle_loses_what_commits_later_than_it_waits(retail: Retail):
    late = retail.open_session("operational")
    sell(late, 5)
    settle = retail.entity("sales", settle=timedelta(0))
    first = retail.run(**settle)
    late.commit()
    second = retail.run(**settle)
    assert [processed(batch, "extract")["sales"] for batch in (first, second)] == [4, 0]


def prepared_transaction(retail: Retail) -> dict[ServerName, str]:
    session = retail.open_session("operational")
    sell(session, 5)
    execute(session, "prepare transaction 'transfer'")
    retail.stack.callback(retail.warehouse.execute, "operational", "rollback prepared 'transfer'")
    return retail.warehouse.dsn


def session_without_activity(retail: Retail) -> dict[ServerName, str]:
    session = retail.open_session("operational")
    session.autocommit = True
    execute(session, "set track_activities = off")
    return retail.warehouse.dsn


def plain_login(retail: Retail) -> dict[ServerName, str]:
    """A login that reads the tables, and no more."""
    run = retail.warehouse.execute
    run("operational", "create role reader login password 'reader'")
    retail.stack.callback(run, "operational", "drop owned by reader; drop role reader")
    run("operational", "grant select on customers, products, sales to reader")
    dsn = retail.warehouse.dsn["operational"]
    host = dsn.rpartition("@")[2]
    return {**retail.warehouse.dsn, "operational": f"postgresql://reader:reader@{host}"}


UNSAFE = pytest.mark.parametrize(
    ("source", "said"),
    [
        (prepared_transaction, "1 prepared transactions are open"),
        (session_without_activity, "1 sessions run with track_activities = off"),
        (plain_login, "Run `grant pg_read_all_stats to <the login>` on the source"),
    ],
)


@UNSAFE
def test_without_a_safe_bound_nothing_is_read(retail: Retail, source: Any, said: str):
    with Servers(source(retail)) as servers:
        retail.servers = servers
        with pytest.raises(WindowError, match=said) as raised:
            retail.run()
    assert str(raised.value).startswith("retail.customers: no safe upper bound is known: ")
    assert "set `settle: 15m` (lossy) in sql/retail/area.yml" in str(raised.value)
    assert retail.warehouse.rows("mrr", "select batch_id from tidemark.applied_batch") == []
    assert marks(retail) == {}


@pytest.mark.further(one_in=3)
@UNSAFE
def test_settle_needs_no_safe_bound(retail: Retail, source: Any, said: str):
    entities = {
        name: entity.model_copy(update={"settle": timedelta(0)})
        for name, entity in retail.area.entities.items()
    }
    with Servers(source(retail)) as servers:
        retail.servers = servers
        batch = retail.run(entities=entities)
    assert processed(batch, "extract") == {"customers": 3, "products": 2, "sales": 4}


def test_the_grant_that_the_message_names_is_enough(retail: Retail):
    with Servers(plain_login(retail)) as servers:
        retail.warehouse.execute("operational", "grant pg_read_all_stats to reader")
        retail.servers = servers
        assert processed(retail.run(), "extract")["sales"] == 4


def test_all_entities_are_read_at_one_instant(retail: Retail):
    """The sales wait for their landing table while a customer moves and buys."""
    retail.run()
    retail.change("customers", 1, city="Lyon")
    retail.change("sales", 1, quantity=7)
    with retail.holding("mrr", "lock table landing.sales in share mode"):
        running = retail.run_beside()
        retail.wait_for_lock("mrr")
        retail.change("customers", 1, city="Nice")
        retail.change("sales", 1, quantity=8)
    first = running.result(PATIENCE)
    then = retail.warehouse.rows("mrr", "select city from mrr_dim_customers where customer_id = 1")
    assert (then, retail.sales()[0]) == ([("Lyon",)], (1, 7))
    second = retail.run()
    assert (processed(first, "extract"), processed(second, "extract")) == (
        {"customers": 1, "products": 0, "sales": 1},
        {"customers": 1, "products": 0, "sales": 1},
    )


def test_transactions_of_another_database_do_not_hold_the_bound(
    retail: Retail, servers: dict[ServerName, str]
):
    with closing(connect(servers["operational"])) as other:
        other.autocommit = False
        begun = value(other, "select now()")
        retail.run()
    assert min(marks(retail).values()) > begun


def test_an_unchanged_source_moves_the_marks_and_nothing_else(retail: Retail):
    retail.run()
    before, contents = marks(retail), retail.contents()
    batch = retail.run()
    assert batch.changed == 0
    assert retail.contents() == contents
    assert [marks(retail)[name] > before[name] for name in before] == [True] * 3
    assert min(before.values()) > STAMP
