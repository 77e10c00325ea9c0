"""Derived entities: order lines that carry their order's date and customer, made by a view."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests import counting
from tests.fix_areas import Dimension, Made, Make
from tests.queries import execute
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.errors import ContractError
from tidemark.install import migrate
from tidemark.model import Overrides
from tidemark.trust import rebuild, verify

JAN, FEB, MAR = "2025-01-01Z", "2025-02-01Z", "2025-03-01Z"
CUSTOMERS = Dimension(
    {"id": "int", "v": "text", "updated_at": "timestamptz"}, ("id",), settings={"deletes": "detect"}
)
SHOP = """
create table orders (
    id int primary key, customer int, at timestamptz, updated_at timestamptz default now()
);
create table lines (
    id int, no int, amount int, updated_at timestamptz default now(), primary key (id, no)
);
grant select on orders, lines to tidemark_etl
"""
VIEW = """
create view landing.derive_sold as
select
    l.id as order_id,
    l.no,
    o.customer,
    o.at,
    l.amount,
    case when o.id is null then array['the order is missing'] else '{}' end as reject_reasons
from landing.live_lines as l
left join landing.live_orders as o on l.id = o.id
"""
FACT = """
create table fact_sold (
    order_id int not null, no int not null, customer_key bigint not null, at timestamptz not null,
    amount int, _batch_id bigint not null, unique (order_id, no, at)
) partition by range (at)
"""
INPUT = {"key": ["id"], "watermark": "updated_at", "deletes": "detect", "max_delete_ratio": 1}
TOUCHES: dict[str, Any] = {
    "orders": {"columns": {"order_id": "id"}},
    "lines": {"columns": {"order_id": "id", "no": "no"}},
}
SOLD = {
    "from": ["orders", "lines"],
    "key": ["order_id", "no"],
    "touched_by": TOUCHES,
    "fact": {
        "table": "fact_sold",
        "event_time": "at",
        "dimensions": {"customer_key": {"entity": "things", "by": ["customer"]}},
    },
}


def declare(area: Made, **entities: Any) -> Made:
    """Give an area more entities."""
    path = area.home / "sql" / "made" / "area.yml"
    declared = yaml.safe_load(path.read_text("utf-8"))
    declared["entities"] |= entities
    path.write_text(yaml.safe_dump(declared, sort_keys=False), "utf-8")
    return Made(area.warehouse, area.servers, Project(area.home).area(), area.home)


def write(area: Made, path: str, text: str) -> None:
    file = area.home / "sql" / "made" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


@pytest.fixture
def shop(made: Make) -> Made:
    """Two customers; an order of each, with two lines and one."""
    plain = made(CUSTOMERS, layers=("operational", "dwh"))
    plain.warehouse.execute("operational", SHOP)
    orders = {"source": "orders", **INPUT}
    lines = {"source": "lines", **INPUT, "key": ["id", "no"]}
    area = declare(plain, orders=orders, lines=lines, sold=SOLD)
    write(area, "stg/views/derive_sold.sql", VIEW)
    write(area, "dwh/02_sold.sql", FACT)
    migrate.migrate(Project(area.home), area.servers)
    area.put(CUSTOMERS, (1, "a", JAN), (2, "b", JAN))
    change(area, f"insert into orders values (1, 1, '{FEB}'), (2, 2, '{MAR}')")
    change(area, "insert into lines values (1, 1, 10), (1, 2, 20), (2, 1, 30)")
    area.run()
    return area


def change(area: Made, statement: str) -> None:
    """Change the source, which then has counted its deletes."""
    with area.warehouse.connect("operational") as source:
        for each in (statement, "select pg_stat_force_next_flush()", "select 1"):
            execute(source, each)


def sold(area: Made) -> list[tuple[Any, ...]]:
    query = """
    select f.order_id, f.no, d.id, to_char(f.at at time zone 'UTC', 'MM'), f.amount, f._batch_id
    from fact_sold as f inner join dim_things as d on f.customer_key = d.thing_key order by 1, 2
    """
    return area.warehouse.rows("dwh", query)


FIRST = [(1, 1, 1, "02", 10, 1), (1, 2, 1, "02", 20, 1), (2, 1, 2, "03", 30, 1)]


def test_rows_are_made_of_other_entities_rows(shop: Made):
    assert sold(shop) == FIRST
    assert shop.differences() == []


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("update orders set customer = 2, updated_at = now() where id = 1",
         [(1, 1, 2, "02", 10, 2), (1, 2, 2, "02", 20, 2), FIRST[2]]),
        ("update lines set amount = 99, updated_at = now() where no = 2",
         [FIRST[0], (1, 2, 1, "02", 99, 2), FIRST[2]]),
        ("delete from lines where id = 1 and no = 1", FIRST[1:]),
        ("delete from orders where id = 2; delete from lines where id = 2", FIRST[:2]),
        ("update lines set id = 2, no = 7, updated_at = now() where no = 2",
         [FIRST[0], FIRST[2], (2, 7, 2, "03", 20, 2)]),
        ("update orders set updated_at = now()", FIRST),
    ],
    ids=["header", "line", "gone", "both gone", "moved", "equal"],
)  # fmt: skip
def test_what_old_and_new_rows_touch_is_made_anew(
    shop: Made, changes: str, expected: list[tuple[Any, ...]]
):
    change(shop, changes)
    shop.run()
    shop.run()
    assert sold(shop) == expected
    assert shop.differences() == []


def test_a_line_whose_order_has_not_come_waits_as_a_reject(shop: Made):
    change(shop, "insert into lines values (3, 1, 5), (4, 1, 6)")
    shop.run()
    rejects = (
        "select key ->> 'order_id', reasons from stg_rejects where resolved_at is null order by 1"
    )
    found = shop.warehouse.rows("stg", rejects)
    assert [(key, "the order is missing" in reasons) for key, reasons in found] == [
        ("3", True),
        ("4", True),
    ]
    assert sold(shop) == FIRST
    assert shop.differences() == []
    change(shop, f"insert into orders values (3, 1, '{MAR}')")
    change(shop, "delete from lines where id = 4")
    shop.run()
    shop.run()
    assert shop.warehouse.rows("stg", rejects) == []
    assert [row[:5] for row in sold(shop)[3:]] == [(3, 1, 1, "03", 5)]
    assert shop.differences() == []


@pytest.mark.further
def test_what_is_gone_already_is_not_deleted_again(shop: Made):
    change(shop, "delete from lines where id = 1 and no = 1")
    shop.run()
    before = shop.warehouse.rows("stg", "select * from stg_sold order by 1, 2")
    change(shop, "insert into lines values (1, 1, 10)")
    change(shop, "delete from lines where id = 1 and no = 1")
    change(shop, "update orders set updated_at = now() where id = 1")
    shop.run()
    assert shop.warehouse.rows("stg", "select * from stg_sold order by 1, 2") == before
    assert shop.differences() == []


def test_several_batches_are_derived_once_behind_the_last(shop: Made):
    for amount in (11, 12):
        change(shop, f"update lines set amount = {amount}, updated_at = now() where no = 2")
        pipeline.run_hop(shop.servers, shop.area, "extract")
    shop.run()
    assert shop.warehouse.rows("stg", "select amount from stg_sold_history") == [(20,)]
    assert shop.differences() == []


def test_a_changed_view_makes_all_rows_anew(shop: Made):
    text = VIEW.replace("create view", "create or replace view").replace(
        "l.amount,", "l.amount * 2 as amount,"
    )
    write(shop, "stg/views/derive_sold.sql", text)
    migrate.migrate(Project(shop.home), shop.servers)
    shop.run()
    assert [row[4] for row in sold(shop)] == [20, 40, 60]
    assert verify.run(shop.servers, shop.area).is_equal


@pytest.mark.further
def test_a_new_column_of_an_input_does_not_stand_in_the_way(shop: Made):
    change(
        shop,
        "alter table lines add column note text; update lines set note = 'x', updated_at = now()",
    )
    migrate.migrate(Project(shop.home), shop.servers)
    shop.run()
    assert shop.warehouse.rows("stg", "select distinct note from landing.live_lines") == [("x",)]
    assert sold(shop) == FIRST
    assert shop.differences() == []


def test_a_damaged_row_is_found_and_repaired(shop: Made):
    shop.warehouse.execute("stg", "update stg_sold set amount = 1 where no = 2")
    shop.warehouse.execute("dwh", "delete from fact_sold where order_id = 2")
    found = verify.run(shop.servers, shop.area)
    differing = [(c.hop, one.kind) for c in found.checks for one in c.compared.differences]
    assert differing == [("stage", "changed"), ("publish", "changed"), ("publish", "missing")]
    pipeline.run(shop.servers, shop.area, overrides=Overrides(repair=found.repair()))
    assert [row[:5] for row in sold(shop)] == [row[:5] for row in FIRST]
    assert verify.run(shop.servers, shop.area).is_equal


@pytest.mark.further
def test_a_rebuild_leaves_equal_rows_as_they_are(shop: Made):
    shop.warehouse.execute("stg", "update stg_sold set amount = 1 where no = 2")
    changes = rebuild.run(shop.servers, shop.area)
    assert [(one.table, one.changed) for one in changes if one.changed] == [("stg_sold", 1)]
    assert [row[5] for row in sold(shop)] == [1, 1, 1]
    assert verify.run(shop.servers, shop.area).is_equal


ORDERS_VIEW = "create view landing.derive_placed as select id, at from landing.live_orders"


@pytest.mark.further(one_in=3)
@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("landing.live_orders", "Rows of orders would change without it: name it in `from` and"),
        ("stg_lines", "reads public.stg_lines. It has rows that are deleted"),
        ("landing.lines", "reads landing.lines. It has rows that are deleted, or are on their"),
    ],
)
def test_a_view_reads_the_live_rows_of_its_inputs_alone(shop: Made, read: str, said: str):
    placed = {"from": ["orders"], "key": ["id"], "touched_by": {"orders": ["id"]}}
    lines = {"from": ["lines"], "touched_by": {"lines": {"columns": {"order_id": "id"}}}}
    area = declare(shop, sold={**SOLD, **lines}, placed=placed)
    write(shop, "stg/views/derive_placed.sql", ORDERS_VIEW)
    write(shop, "stg/views/derive_sold.sql", _reading(read))
    migrate.migrate(Project(shop.home), shop.servers)
    with pytest.raises(ContractError) as refused:
        area.run()
    assert said in str(refused.value)


def _reading(relation: str) -> str:
    return f"""
    create or replace view landing.derive_sold as
    select
        l.id as order_id, l.no, null::int as customer, null::timestamptz as at, l.amount,
        array[]::text[] as reject_reasons
    from landing.live_lines as l where exists (select from {relation}) or true
    """


def test_a_row_may_name_what_it_touches_by_a_query(shop: Made):
    """Rows of customers touch the totals of their orders, which are made of what was derived."""
    query = """
        select o.id as order_id from changed as c
        inner join landing.live_orders as o on c.id = o.customer
    """
    totals = {
        "from": ["things", "orders", "sold"],
        "key": ["order_id"],
        "touched_by": {
            "things": {"columns": ["order_id"], "query": query},
            "orders": {"columns": {"order_id": "id"}},
            "sold": ["order_id"],
        },
    }
    area = declare(shop, totals=totals)
    view = """
        create view landing.derive_totals as
        select o.id as order_id, max(t.v) as name, sum(s.amount) as amount
        from landing.live_orders as o
        left join landing.live_things as t on o.customer = t.id
        left join landing.live_sold as s on o.id = s.order_id
        group by o.id
    """
    write(shop, "stg/views/derive_totals.sql", view)
    migrate.migrate(Project(shop.home), shop.servers)
    area.run()
    rows = "select order_id, name, amount::int, _batch_id from stg_totals order by 1"
    assert area.warehouse.rows("stg", rows) == [(1, "a", 30, 2), (2, "b", 30, 2)]
    change(area, "update things set v = 'c', updated_at = now() where id = 2")
    area.run()
    change(area, "update lines set amount = 5, updated_at = now() where no = 2")
    area.run()
    assert area.warehouse.rows("stg", rows) == [(1, "a", 15, 4), (2, "c", 30, 3)]
    assert area.differences() == []


def test_a_column_that_an_input_lacks_is_named(shop: Made):
    area = declare(shop, sold={**SOLD, "touched_by": {**TOUCHES, "lines": ["order_id"]}})
    change(area, "update lines set amount = 5, updated_at = now() where no = 2")
    with pytest.raises(ContractError, match="has no column 'order_id', but entities"):
        area.run()


def test_a_row_that_a_changed_row_touches_costs_a_few_messages_more(shop: Made):
    """The bounds are those of test_statements_sent.py, whatever is derived."""
    for amount in (5, 6):
        change(shop, f"update lines set amount = {amount}, updated_at = now() where no = 2")
        sent = counting.run(shop.servers, shop.area)
    assert sent.total <= 60, counting.listed(sent.statements)
    assert sent.ddl == []
    assert counting.run(shop.servers, shop.area).total <= 20


@pytest.mark.further
def test_a_flag_deletes_a_derived_row(shop: Made):
    area = declare(shop, sold={**SOLD, "deleted_when": "amount = 0"})
    change(area, "update lines set amount = 0, updated_at = now() where no = 2")
    area.run()
    assert sold(area) == [FIRST[0], FIRST[2]]
    assert area.differences() == []
    change(area, "update lines set amount = 7, updated_at = now() where no = 2")
    area.run()
    assert [row[4] for row in sold(area)] == [10, 7, 30]
    assert area.differences() == []


@pytest.mark.further
def test_a_row_without_a_whole_key_is_none(shop: Made):
    text = VIEW.replace("create view", "create or replace view")
    nothing = "union all select null, 1, 1, now(), 1, array[]::text[]"
    write(shop, "stg/views/derive_sold.sql", f"{text}\n{nothing}")
    migrate.migrate(Project(shop.home), shop.servers)
    shop.run()
    change(shop, "update lines set amount = 5, updated_at = now() where no = 2")
    shop.run()
    assert [row[:2] for row in sold(shop)] == [(1, 1), (1, 2), (2, 1)]
    assert shop.warehouse.rows("stg", "select reasons from stg_rejects") == []
    assert verify.run(shop.servers, shop.area).is_equal


@pytest.mark.further(one_in=2)
@pytest.mark.parametrize("amount", ["l.amount", "l.amount + g as amount"])
def test_a_key_that_the_view_makes_twice_is_refused(shop: Made, amount: str):
    text = VIEW.replace("create view", "create or replace view").replace("l.amount", amount)
    write(shop, "stg/views/derive_sold.sql", f"{text}\ncross join generate_series(1, 2) as g")
    migrate.migrate(Project(shop.home), shop.servers)
    with pytest.raises(
        ContractError, match=r"derive_sold makes the key order_id=\d, no=\d more than once"
    ):
        shop.run()
    assert sold(shop) == FIRST
