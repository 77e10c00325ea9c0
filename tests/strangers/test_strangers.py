"""Databases that nobody made for Tidemark: `init`, `migrate`, `run`, changes, `run`, `verify`."""

from __future__ import annotations

from tests.fix_strangers import STRANGERS, Meet, Stranger

FILMS = (STRANGERS / "films.sql").read_text("utf-8")
CHANGES = """
insert into actor (first_name, last_name) values ('Ed', 'Chase');
insert into film_actor values (3, 2);
delete from film_actor where actor_id = 2 and film_id = 1;
update film set title = 'Academy II' where film_id = 2;
update inventory set store_id = 1 where film_id = 2;
update film set rating = 'PG', special_features = null, release_year = 2008 where film_id = 1;
update customer set city_id = 2, email = 'mary@x.org' where customer_id = 1;
update rental set return_date = '2025-02-07Z' where rental_id = 2;
update payment set amount = 1.99 where payment_id = 2;
update payment set payment_date = '2025-02-09Z' where payment_id = 1;
insert into payment (customer_id, staff_id, rental_id, amount, payment_date)
values (1, 1, 1, 3, '2025-02-10Z');
delete from film_category where film_id = 2;
"""


def test_a_rental_shop_of_films_loads_as_it_is(meet: Meet):
    films = meet(FILMS, "films")
    written = films.init()
    assert (written.dimensions, written.facts) == (9, 4)
    films.migrate()
    films.run()
    assert films.differences() == []
    films.source(CHANGES)
    films.run()
    assert films.differences() == []
    assert payments(films) == films.rows(
        "operational",
        """
        select p.payment_id, p.amount::text, p.rental_id, c.email, s.username, p.payment_date
        from payment as p
        inner join customer as c using (customer_id)
        inner join staff as s on s.staff_id = p.staff_id
        order by 1
        """,
    )


def payments(films: Stranger) -> list[tuple[object, ...]]:
    return films.rows(
        "dwh",
        """
        select p.payment_id, p.amount::text, p.rental_id, c.email, s.username, p.payment_date
        from films.fact_payment as p
        inner join films.dim_customer as c using (customer_key)
        inner join films.dim_staff as s using (staff_key)
        order by 1
        """,
    )


GOODS = (STRANGERS / "trade.sql").read_text("utf-8")
DEALS = """
insert into sales."order" values (3, 'BO', 2, 1, '2025-02-01', null, null, 5, null);
insert into sales.order_details values (3, 2, 9, 4, 0);
delete from sales.order_details where order_id = 1 and product_id = 2;
update sales."order" set shipped_date = '2025-02-02 08:00', freight = 6 where order_id = 2;
update products set unit_price = 19, category_id = 2, valid_from = '2025-02-01'
where product_id = 1;
update products set is_current = false, units_in_stock = 0 where product_id = 2;
update customers set city = 'Hamburg' where customer_id = 'ALFKI';
update employees set reports_to = null, notes = 'left' where employee_id = 1;
delete from employee_territories where employee_id = 2;
update sales."Price List" set price = 21, "updatedAt" = now() where "group" = 'retail';
update sales.shipments set carrier = 'Snail' where part = 2;
delete from us_states where state_id = 2;
update sales."order" set customer_id = 'BO', order_date = '2025-01-03' where order_id = 1;
update sales.bills set customer_id = 'BO', status = 'paid' where id = 1;
update sales."bill rows" set bill = 2 where "row" = '00000000-0000-0000-0000-00000000000b';
delete from sales.row_taxes where tax = 1.9;
"""


def test_goods_without_any_time_of_change_load_as_they_are(meet: Meet):
    trade = meet(GOODS, "trade")
    written = trade.init()
    assert [line for line in written.left_out if "its rows" not in line] == [
        "public.nothing, public.usage_log: it has no primary key, and no unique index whose "
        "columns are never null",
        "sales.open_orders: it is a view: its key and its watermark are not known from the catalog",
    ]
    trade.migrate()
    trade.run()
    assert trade.differences() == []
    trade.source(DEALS)
    trade.run()
    assert trade.differences() == []
    assert star_of_lines(trade) == trade.rows("operational", LINES)
    assert star_of_taxes(trade) == trade.rows("operational", TAXES)
    assert trade.rows(
        "dwh",
        """
        select source_valid_from::text, unit_price, count(*) over ()::int
        from trade.dim_products where product_id = 1 and is_current
        """,
    ) == [("2025-02-01", 19, 1)]
    assert trade.rows(
        "dwh",
        """
        select o.order_id, by.last_name::text, checks.last_name::text, o.order_date_key
        from trade.fact_order as o
        inner join trade.dim_employees as by on o.employee_key = by.employee_key
        inner join trade.dim_employees as checks on o.checked_by_key = checks.employee_key
        order by 1
        """,
    ) == [
        (1, "Davolio", "Fuller", 20250103),
        (2, "Davolio", None, 20250105),
        (3, "Fuller", "Davolio", 20250201),
    ]


LINES = """
select
    d.order_id, d.quantity, p.product_name, cat.category_name, o.order_date, c.company_name,
    to_char(o.required_date, 'YYYYMMDD')::int
from sales.order_details as d
inner join sales."order" as o using (order_id)
inner join customers as c using (customer_id)
inner join products as p using (product_id)
inner join categories as cat using (category_id)
order by 1, 3
"""


def star_of_lines(trade: Stranger) -> list[tuple[object, ...]]:
    """Return each line with its order's date and customer, and its product as it is now."""
    return trade.rows(
        "dwh",
        """
        select
            f.order_id, f.quantity, p.product_name, cat.category_name, f.order_date, c.company_name,
            nullif(f.required_date_key, 0)
        from trade.fact_order_details as f
        inner join trade.dim_customers as c using (customer_key)
        inner join trade.dim_products as sold using (product_key)
        inner join trade.dim_products as p on sold.product_id = p.product_id and p.is_current
        inner join trade.dim_categories as cat
            on p.category_id = cat.category_id and cat.is_current
        order by 1, 3
        """,
    )


TAXES = """
select t.tax, c.company_name, b.billed
from sales.row_taxes as t
inner join sales."bill rows" as r using ("row")
inner join sales.bills as b on r.bill = b.id
inner join customers as c using (customer_id)
"""


def star_of_taxes(trade: Stranger) -> list[tuple[object, ...]]:
    """Return each tax with what the bill of its row says."""
    return trade.rows(
        "dwh",
        """
        select f.tax, c.company_name, f.billed
        from trade.fact_row_taxes as f inner join trade.dim_customers as c using (customer_key)
        """,
    )
