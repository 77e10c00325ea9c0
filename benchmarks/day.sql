-- Play one business day: psql -v customers=… -v products=… -v sales=… -v day=… -f day.sql
-- 1 % of the given number of customers change and 0.1 % are new; 1 % of the sales are new and 0.1 %
-- are amended. The tables may be larger than that: what changes is spread over all of them. The 7
-- keeps clear of the rows that source.sql has made dirty.

set client_min_messages = warning;
select setseed(:day / 1000.0);

select
    max(customer_id) / (:customers / 100) as customer_stride,
    (select max(sale_id) / (:sales / 1000) from sales) as sale_stride
from customers \gset

begin;

-- Of four that change, three open a version and one does not.
update customers
set
    city = case customer_id / :customer_stride % 4 when 0 then 'Moved ' || :day else city end,
    country = case customer_id / :customer_stride % 4 when 1 then 'Portugal' else country end,
    segment = case customer_id / :customer_stride % 4 when 2 then 'day ' || :day else segment end,
    email = case
        when customer_id / :customer_stride % 4 = 3 then 'day.' || :day || '.' || customer_id || '@example.com'
        else email
    end
where customer_id % :customer_stride = (:day + 7) % :customer_stride;

insert into customers (name, email, phone, city, country, segment)
select 'New Customer', 'new.' || g.id || '@example.com', '030 55512345', 'Hamburg', 'Germany', 'consumer'
from generate_series(1, :customers / 1000) as g (id);

insert into sales
(customer_id, product_id, quantity, unit_price, discount, status, transaction_timestamp)
select
    1 + floor(random() * (select max(customer_id) from customers))::bigint,
    1 + floor(random() * :products)::bigint,
    case when g.id % 100 = 1 then 0 else 1 + floor(random() * 8)::int end,
    (5 + random() * 495)::numeric(12, 2),
    floor(random() * 4) * 0.05,
    'completed',
    now() - interval '1 day' * (1 - g.id * 100.0 / :sales)
from generate_series(1, :sales / 100) as g (id);

update sales
set status = case status when 'returned' then 'completed' else 'returned' end
where sale_id % :sale_stride = (:day + 7) % :sale_stride;

commit;

vacuum analyze customers, sales;
