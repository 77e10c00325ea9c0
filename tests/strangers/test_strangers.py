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
