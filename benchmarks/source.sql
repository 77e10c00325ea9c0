-- Fill the source: psql -v customers=… -v products=… -v sales=… -f source.sql
-- One row in a hundred breaks a rule of cleansing or is written untidily. Rows are in the order in
-- which they came to be: customers and products over four years, sales over the last two.

set client_min_messages = warning;
-- Foreign keys hold by construction, and their checks would take longer than the rows.
set session_replication_role = replica;
select setseed(0.5);

create temp table words as
select
    array['Ada', 'Bruno', 'Chloe', 'Dmitri', 'Elena', 'Farid', 'Grace', 'Hiro', 'Ines', 'Jonas'] as first,
    array['Abbott', 'Bauer', 'Costa', 'Dubois', 'Eriksen', 'Ferrari', 'Garcia', 'Hughes'] as last,
    array['United States', 'Germany', 'France', 'United Kingdom', 'Italy', 'Spain'] as country,
    array['+1 202 555 ', '030 5550', '01 55 50 ', '+44 20 7946 ', '06 5550 ', '91 555 '] as dialled,
    array['Boston', 'Hamburg', 'Lyon', 'Leeds', 'Torino', 'Sevilla', 'Austin', 'Bonn'] as city,
    array['consumer', 'business', 'education'] as segment,
    array['Garden', 'Kitchen', 'Office', 'Outdoor', 'Toys', 'Books'] as product_group,
    array['completed', 'completed', 'completed', 'completed', 'pending', 'cancelled', 'returned']
        as status;

insert into customers
(customer_id, name, email, phone, city, country, segment, created_at, updated_at)
select
    g.id,
    case g.id % 400
        when 1 then ' '
        when 2 then upper(w.first[1 + g.id % 10] || '  ' || w.last[1 + g.id / 10 % 8]) || ' '
        else w.first[1 + g.id % 10] || ' ' || w.last[1 + g.id / 10 % 8]
    end,
    case when g.id % 400 = 3 then 'none' else 'customer.' || g.id || '@example.com' end,
    w.dialled[1 + g.country] || lpad((g.id % 10000)::text, 4, '0'),
    w.city[1 + floor(random() * 8)::int],
    case when g.id % 400 = 4 then 'Atlantis' else w.country[1 + g.country] end,
    w.segment[1 + floor(random() * 3)::int],
    now() - interval '4 years' * (1 - g.id::float8 / :customers),
    now() - interval '4 years' * (1 - g.id::float8 / :customers)
from (select id, floor(random() * 6)::int as country from generate_series(1, :customers) as id) as g
cross join words as w;

insert into products
(product_id, name, product_group, unit_price, active, created_at, updated_at)
select
    g.id,
    'Product ' || g.id,
    w.product_group[1 + g.id % 6],
    case when g.id % 100 = 1 then -1 else (5 + random() * 495)::numeric(12, 2) end,
    random() < 0.95,
    now() - interval '4 years' * (1 - g.id::float8 / :products),
    now() - interval '4 years' * (1 - g.id::float8 / :products)
from generate_series(1, :products) as g (id)
cross join words as w;

insert into sales
(sale_id, customer_id, product_id, quantity, unit_price, discount, status,
    transaction_timestamp, created_at, updated_at)
select
    g.id,
    1 + floor(random() * :customers)::bigint,
    1 + floor(random() * :products)::bigint,
    case when g.id % 200 = 1 then 0 else 1 + floor(random() * 8)::int end,
    (5 + random() * 495)::numeric(12, 2),
    case when g.id % 200 = 2 then 1.5 else floor(random() * 4) * 0.05 end,
    w.status[1 + floor(random() * 7)::int],
    g.sold_at,
    g.sold_at,
    g.sold_at
from (
    select
        id,
        now() - interval '2 years' * (1 - id::float8 / :sales) as sold_at
    from generate_series(1, :sales) as id
) as g
cross join words as w;

select
    setval('customers_customer_id_seq', :customers),
    setval('products_product_id_seq', :products),
    setval('sales_sale_id_seq', :sales);

vacuum (freeze, analyze) customers, products, sales;
