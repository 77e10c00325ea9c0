import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sql.retail.sample import seed
from sql.retail.sample.store import NAMES
from tests.fix_retail import PATIENCE
from tests.fix_servers import Warehouse
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import ConfigError, UsageError
from tidemark.install import servers
from tidemark.postgres import sessions

Seeder = Callable[..., dict[str, int]]
Content = dict[str, dict[int, dict[str, Any]]]
"""Table -> id -> column -> value."""

SMALL = {"customers": 300, "products": 40, "sales": 3000}
UNTIL = datetime(2025, 3, 1, 15, 30, tzinfo=UTC)
COLUMNS = {
    "customers": "customer_id, name, email, phone, city, country, segment, created_at, updated_at",
    "products": "product_id, name, product_group, unit_price, active, created_at, updated_at",
    "sales": "sale_id, customer_id, product_id, quantity, unit_price, discount, status, "
    "transaction_timestamp, created_at, updated_at",
}


@pytest.fixture
def play(warehouse: Warehouse) -> Iterator[Seeder]:
    """`seed` on the operational database of the test, small and without progress."""
    engine = servers.engine(warehouse.dsn["operational"], "operational")

    def seeder(**options: Any) -> dict[str, int]:
        silent: Any = {"progress": lambda label, done, total: None, "until": UNTIL}
        return seed(engine, **{**SMALL, **silent, **options})

    yield seeder
    engine.dispose()


def everything(warehouse: Warehouse, *, without: str = "updated_at") -> Content:
    """Return the three tables by id, less the columns that `without` names."""
    content: Content = {}
    for table, columns in COLUMNS.items():
        names = [name for name in columns.split(", ") if name not in without.split()]
        found = warehouse.rows("operational", f"select {', '.join(names)} from {table}")
        content[table] = {row[0]: dict(zip(names, row, strict=True)) for row in found}
    return content


def empty(warehouse: Warehouse) -> None:
    warehouse.execute("operational", f"truncate {', '.join(NAMES)}")


def rejected(warehouse: Warehouse) -> dict[str, set[int]]:
    """Return the ids of the rows that cleansing refuses, by table."""
    refused = {}
    for table, columns in COLUMNS.items():
        stream = io.StringIO()
        with warehouse.connect("operational") as source, source.cursor() as cursor:
            cursor.copy_expert(f"copy {table} ({columns}) to stdout", stream)
        stream.seek(0)
        warehouse.execute("stg", f"truncate landing.{table}")
        with warehouse.connect("stg") as target, target.cursor() as cursor:
            cursor.copy_expert(f"copy landing.{table} ({columns}) from stdin", stream)
        warehouse.execute("stg", f"update landing.{table} set _extracted_at = now()")
        key = columns.partition(",")[0]
        query = f"select {key} from landing.clean_{table} where reject_reasons <> '{{}}'"
        refused[table] = {row[0] for row in warehouse.rows("stg", query)}
    return refused


def broken(warehouse: Warehouse) -> dict[str, set[int]]:
    """Return the ids of the rows that `dirty` broke: those refused, and sales without a customer.

    Such a sale is loaded all the same; it belongs to the unknown member.
    """
    found = rejected(warehouse)
    query = "select sale_id from sales where customer_id is null"
    found["sales"] |= {row[0] for row in warehouse.rows("operational", query)}
    return found


def test_a_seed_writes_as_many_rows_as_it_is_told(warehouse: Warehouse, play: Seeder):
    assert play() == SMALL
    assert {table: len(found) for table, found in everything(warehouse).items()} == SMALL


def test_the_same_random_seed_until_the_same_day_gives_the_same_data(
    warehouse: Warehouse, play: Seeder
):
    play(random_seed=5)
    first = everything(warehouse)
    empty(warehouse)
    play(random_seed=5, until=UNTIL - timedelta(hours=15))
    assert everything(warehouse) == first


@pytest.mark.parametrize(
    "other", [{"random_seed": 6}, {"until": UNTIL - timedelta(days=1)}], ids=["seed", "day"]
)
def test_another_random_seed_or_day_gives_other_data(
    warehouse: Warehouse, play: Seeder, other: dict[str, Any]
):
    play(random_seed=5)
    first = everything(warehouse)
    empty(warehouse)
    play(**{"random_seed": 5, **other})
    assert [table for table, found in everything(warehouse).items() if found == first[table]] == []


def test_an_instant_without_a_zone_is_utc(warehouse: Warehouse, play: Seeder):
    play(until=datetime.fromisoformat("2025-03-01"))
    newest = warehouse.rows("operational", "select max(created_at) from sales")
    assert datetime(2025, 2, 28, tzinfo=UTC) < newest[0][0] < datetime(2025, 3, 1, tzinfo=UTC)


def test_a_seed_after_a_first_run_is_extracted_by_the_next_one(warehouse: Warehouse, play: Seeder):
    area = Project(warehouse.home).area("retail")
    with sessions.Servers(warehouse.dsn) as opened:
        pipeline.run(opened, area)
        play()
        pipeline.run(opened, area)
    mirrored = "select count(*) from mrr_fact_sales"
    assert warehouse.rows("mrr", mirrored) == [(SMALL["sales"],)]


def test_the_history_ends_today_unless_told_otherwise(warehouse: Warehouse, play: Seeder):
    play(until=None)
    query = "select max(created_at) between current_date - 2 and current_date from sales"
    assert warehouse.rows("operational", query) == [(True,)]


def test_clean_data_passes_cleansing(warehouse: Warehouse, play: Seeder):
    play(dirty=0)
    assert rejected(warehouse) == {"customers": set(), "products": set(), "sales": set()}
    query = "select count(*) from landing.clean_customers where country_code is null"
    assert warehouse.rows("stg", query) == [(0,)]


def test_the_phones_of_clean_data_become_international(warehouse: Warehouse, play: Seeder):
    play(dirty=0)
    rejected(warehouse)
    query = """
        select count(*)
        from landing.clean_customers as c
        inner join landing.customers as l using (customer_id)
        where (c.phone is null) <> (l.phone is null)
    """
    assert warehouse.rows("stg", query) == [(0,)]


def test_the_dirty_share_of_the_rows_does_not_pass_cleansing(warehouse: Warehouse, play: Seeder):
    play(dirty=0.2)
    shares = {table: len(ids) / SMALL[table] for table, ids in broken(warehouse).items()}
    assert shares == {
        "customers": pytest.approx(0.2, abs=0.08),
        "products": pytest.approx(0.2, abs=0.15),
        "sales": pytest.approx(0.2, abs=0.03),
    }


def test_a_seed_leaves_the_schema_as_it_was(warehouse: Warehouse, play: Seeder):
    query = """
        select pg_get_constraintdef(oid), conname from pg_constraint
        where conrelid::regclass::text = any(%s)
        union all
        select pg_get_indexdef(indexrelid), '' from pg_index
        where indrelid::regclass::text = any(%s)
        order by 1, 2
    """
    before = warehouse.rows("operational", query, [list(NAMES)] * 2)
    play()
    assert warehouse.rows("operational", query, [list(NAMES)] * 2) == before


def test_ids_go_on_after_the_last_one_seeded(warehouse: Warehouse, play: Seeder):
    play()
    next_ids = {
        table: warehouse.rows(
            "operational", f"insert into {table} default values returning {columns.split(',')[0]}"
        )
        for table, columns in COLUMNS.items()
    }
    assert next_ids == {table: [(count + 1,)] for table, count in SMALL.items()}


def test_an_interrupted_seed_leaves_nothing(warehouse: Warehouse, play: Seeder):
    def interrupt(label: str, _done: int, _total: int) -> None:
        if label == "sales":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(progress=interrupt)
    assert everything(warehouse) == {"customers": {}, "products": {}, "sales": {}}
    assert play() == SMALL


def test_progress_ends_at_the_total(play: Seeder):
    last = {}

    def remember(label: str, done: int, total: int) -> None:
        last[label] = (done, total)

    play(progress=remember)
    assert last == {table: (count, count) for table, count in SMALL.items()}


def test_a_second_seed_is_refused(warehouse: Warehouse, play: Seeder):
    play()
    before = everything(warehouse)
    with pytest.raises(
        ConfigError, match=r"^customers: the table holds rows .*`tidemark seed --day`"
    ):
        play()
    assert everything(warehouse) == before


def test_a_business_day_on_empty_tables_is_refused(play: Seeder):
    with pytest.raises(ConfigError, match=r"^customers: the table is empty.* with `tidemark seed`"):
        play(day=True)


def test_a_database_without_the_tables_is_refused(warehouse: Warehouse, play: Seeder):
    warehouse.execute("operational", "drop table sales")
    with pytest.raises(ConfigError, match=r"^sales: .* no such table. Run `tidemark migrate`"):
        play()


def test_an_end_in_the_future_is_refused(play: Seeder):
    with pytest.raises(UsageError, match=r"^--until: 2999-01-01 00:00 UTC is in the future"):
        play(until=datetime(2999, 1, 1, tzinfo=UTC))


def test_a_business_day_does_what_it_says(warehouse: Warehouse, play: Seeder):
    play(dirty=0)
    before = everything(warehouse)
    counts = play(day=True, dirty=0, until=UNTIL + timedelta(days=1))
    assert counts == differences(before, everything(warehouse))
    assert [what for what, count in counts.items() if count < 3] == [
        "customers corrected",
        "products corrected",
        "sales corrected",
    ]


def differences(before: Content, after: Content) -> dict[str, int]:
    """Count what a day changed in clean data that ends at UNTIL."""

    def changed(table: str, *columns: str) -> int:
        old, new = before[table], after[table]
        return sum(any(old[key][c] != new[key][c] for c in columns) for key in old)

    added = {t: [after[t][key] for key in after[t].keys() - before[t].keys()] for t in NAMES}
    recent = [sale for sale in added["sales"] if sale["transaction_timestamp"] > UNTIL]
    return {
        "customers added": len(added["customers"]),
        "products added": len(added["products"]),
        "customers moved": changed("customers", "city", "country"),
        "customers upgraded": changed("customers", "segment"),
        "contacts edited": changed("customers", "name", "email", "phone"),
        "prices changed": changed("products", "unit_price"),
        "products regrouped": changed("products", "product_group"),
        "products renamed": changed("products", "name"),
        "customers corrected": 0,
        "products corrected": 0,
        "sales corrected": 0,
        "sales amended": changed("sales", "quantity", "discount", "status"),
        "sales moved in time": changed("sales", "transaction_timestamp"),
        "sales added": len(recent),
        "sales backdated": len(added["sales"]) - len(recent),
    }


def test_a_business_day_corrects_broken_rows(warehouse: Warehouse, play: Seeder):
    play(dirty=0.4)
    before = broken(warehouse)
    counts = play(day=True, dirty=0)
    after = broken(warehouse)
    assert [table for table in NAMES if after[table] - before[table]] == []
    # Other steps may correct a customer or a product too, such as one who moves.
    assert len(before["customers"] - after["customers"]) >= counts["customers corrected"] == 3
    assert len(before["products"] - after["products"]) >= counts["products corrected"] == 3
    assert len(before["sales"] - after["sales"]) == counts["sales corrected"] == 3


def test_a_correction_leaves_good_values_alone(warehouse: Warehouse, play: Seeder):
    play(dirty=0.4, sales=20_000)
    before = everything(warehouse)["sales"]
    play(day=True, dirty=0)
    after = everything(warehouse)["sales"]
    # Nothing but a correction changes the price of a sale.
    prices = [(sale["unit_price"], after[key]["unit_price"]) for key, sale in before.items()]
    changes = [(old, new) for old, new in prices if old != new]
    assert (len(changes) > 0, [change for change in changes if change[0] >= 0]) == (True, [])


def test_a_business_day_may_add_broken_rows(warehouse: Warehouse, play: Seeder):
    play(dirty=0)
    play(day=True, dirty=1)
    added = {
        table: set(found) - set(range(1, SMALL[table] + 1))
        for table, found in everything(warehouse).items()
    }
    assert broken(warehouse) == added


def test_a_business_day_follows_from_the_random_seed_and_the_state(
    warehouse: Warehouse, play: Seeder
):
    days = []
    for _ in range(2):
        play()
        play(day=True)
        days.append(everything(warehouse, without="created_at updated_at"))
        empty(warehouse)
    assert days[0] == days[1]


def test_the_next_business_day_is_another_one(warehouse: Warehouse, play: Seeder):
    def moved() -> set[int]:
        before = everything(warehouse)["customers"]
        play(day=True, dirty=0)
        after = everything(warehouse)["customers"]
        return {key for key in before if before[key]["city"] != after[key]["city"]}

    play(dirty=0)
    first, second = moved(), moved()
    assert (len(first), len(second), first == second) == (3, 3, False)


def test_a_new_customer_buys_on_the_first_day(warehouse: Warehouse, play: Seeder):
    play()
    play(day=True, dirty=0)
    query = "select count(*) from sales where customer_id > %s"
    assert warehouse.rows("operational", query, [SMALL["customers"]])[0][0] > 0


def test_a_run_right_after_a_business_day_finds_all_of_it(warehouse: Warehouse, play: Seeder):
    play()
    (seeded,) = warehouse.rows("operational", "select max(updated_at) from sales")
    counts = play(day=True, until=None)
    stamped = """
        select count(*) from sales
        where updated_at > %s and updated_at < clock_timestamp() - interval '1 second'
    """
    assert warehouse.rows("operational", stamped, seeded) == [
        (sum(count for what, count in counts.items() if what.startswith("sales")),)
    ]


def test_who_moved_buys_from_the_new_address(warehouse: Warehouse, play: Seeder):
    play(dirty=0)
    moved = play(day=True, dirty=0, until=None)["customers moved"]
    bought = """
        select count(*) from sales as s join customers as c using (customer_id)
        where s.transaction_timestamp = c.updated_at
    """
    assert warehouse.rows("operational", bought) == [(moved,)]


def test_an_interrupted_business_day_leaves_nothing(warehouse: Warehouse, play: Seeder):
    def interrupt(_label: str, done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    play()
    before = everything(warehouse)
    with pytest.raises(KeyboardInterrupt):
        play(day=True, progress=interrupt)
    assert everything(warehouse) == before


def test_a_small_sample_has_a_business_day_too(play: Seeder):
    play(customers=1, products=1, sales=1, dirty=1)
    play(day=True)


def test_the_script_is_the_command(warehouse: Warehouse):
    script = [sys.executable, str(warehouse.home / "scripts" / "seed_data.py")]
    done = subprocess.run(
        [*script, "--customers", "7", "--products", "2", "--sales", "11"],
        env=warehouse.environment,
        cwd=warehouse.home,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["customers", "7", "products", "2", "sales", "11"]
