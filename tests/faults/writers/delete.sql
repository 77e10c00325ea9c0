-- One of the first customers goes, and comes back; a sale goes.
\set customer random(1, 20)
\set sale random(1, 1000)
\set pause random(1, 80)
delete from customers where customer_id = :customer;
delete from sales where sale_id = :sale;
\sleep :pause ms
insert into customers (customer_id, name, city) values (:customer, 'Bea', 'Town ' || txid_current())
on conflict do nothing;
