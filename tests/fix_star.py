"""A warehouse of ten sales, small enough to compute every answer by hand.

Ada (customer 1) has three versions and buys in each; Bea (2) buys a dear desk, and once something
unknown; Cy (3) never buys; Dee (4) buys once and is then deleted, so that no version of hers is
current. The lamp (product 7) moves from Home to Lighting on 1 February; nobody buys the rake (9).
"""

import pytest
from psycopg2.extensions import connection as Connection

from tests.queries import execute

STAR = """
insert into dwh_dim_customers (
    customer_key, customer_id, customer_name, country, segment,
    valid_from, valid_to, is_current, is_deleted, changed_at, _batch_id
)
select key, id, name, country, segment, begins, ends, ends > '9999-01-01', deleted, begins, 1
from (values
    (11, 1, 'Ada', 'France', 'basic', timestamptz '1900-01-01Z', timestamptz '2025-01-10Z', false),
    (12, 1, 'Ada', 'Spain', 'basic', '2025-01-10Z', '2025-02-10Z', false),
    (13, 1, 'Ada', 'Spain', 'gold', '2025-02-10Z', '9999-12-31Z', false),
    (21, 2, 'Bea', 'Peru', 'basic', '1900-01-01Z', '9999-12-31Z', false),
    (31, 3, 'Cy', 'Chad', 'basic', '1900-01-01Z', '9999-12-31Z', false),
    (41, 4, 'Dee', 'Togo', 'basic', '1900-01-01Z', '2025-02-01Z', true)
) as v (key, id, name, country, segment, begins, ends, deleted);

insert into dwh_dim_products (
    product_key, product_id, product_name, product_group, unit_price,
    valid_from, valid_to, is_current, changed_at, _batch_id
)
select key, id, name, product_group, price, begins, ends, ends > '9999-01-01', begins, 1
from (values
    (71, 7, 'Lamp', 'Home', 10, timestamptz '1900-01-01Z', timestamptz '2025-02-01Z'),
    (72, 7, 'Lamp', 'Lighting', 12, '2025-02-01Z', '9999-12-31Z'),
    (81, 8, 'Desk', 'Home', 200, '1900-01-01Z', '9999-12-31Z'),
    (91, 9, 'Rake', 'Garden', 15, '1900-01-01Z', '9999-12-31Z')
) as v (key, id, name, product_group, price, begins, ends);

create table partitions.dwh_fact_sales_2025_01 partition of dwh_fact_sales
for values from ('2025-01-01Z') to ('2025-02-01Z');
create table partitions.dwh_fact_sales_2025_02 partition of dwh_fact_sales
for values from ('2025-02-01Z') to ('2025-03-01Z');

insert into dwh_fact_sales (
    original_sale_id, customer_key, product_key, date_key, quantity, unit_price, discount,
    net_amount, status, transaction_date, transaction_timestamp, _batch_id
)
select
    id, customer, product, to_char(at at time zone 'UTC', 'YYYYMMDD')::integer, quantity, price,
    discount, quantity * price * (1 - discount), status, (at at time zone 'UTC')::date, at, 1
from (values
    (1, 11, 71, 2, 10, 0, 'completed', timestamptz '2025-01-05 12:00Z'),
    (2, 12, 71, 3, 10, 0, 'pending', '2025-01-31 23:59:59.999999Z'),
    (3, 12, 72, 1, 12, 0, 'completed', '2025-02-01 00:00Z'),
    (4, 13, 72, 5, 12, 0.5, 'completed', '2025-02-15 12:00Z'),
    (5, 13, 81, 9, 200, 0, 'cancelled', '2025-02-16 12:00Z'),
    (6, 13, 81, 9, 200, 0, 'returned', '2025-02-17 12:00Z'),
    (7, 21, 81, 1, 200, 0, 'completed', '2025-02-20 12:00Z'),
    (8, 41, 81, 4, 25, 0, 'completed', '2025-01-20 12:00Z'),
    (9, 0, 71, 1, 10, 0, 'completed', '2025-01-20 12:00Z'),
    (10, 21, 0, 1, 5, 0, 'completed', '2025-01-15 12:00Z')
) as v (id, customer, product, quantity, price, discount, status, at);
"""


@pytest.fixture
def star(dwh: Connection) -> Connection:
    """A migrated DWH that holds STAR, in a transaction that is rolled back.

    The session is not in UTC, since an answer must not depend on where the analyst sits.
    """
    execute(dwh, "set local timezone = 'Asia/Tokyo'")
    execute(dwh, STAR)
    return dwh
