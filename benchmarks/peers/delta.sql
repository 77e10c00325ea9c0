-- Play one day: psql -v customers=… -v day=… -f delta.sql
-- 1 % of the customers move and 0.1 % are new. Who moves keeps clear of the rows that source.sql has
-- made dirty, so that each of them is a version to every tool.

begin;

update customers
set city = 'Moved ' || :day
where customer_id % 100 = :day + 10 and customer_id <= :customers;

insert into customers (name, email, phone, city, country, segment)
select 'New Customer', 'new.' || g.id || '@example.com', '030 55512345', 'Hamburg', 'Germany', 'consumer'
from generate_series(1, :customers / 1000) as g (id);

commit;

vacuum analyze customers;
