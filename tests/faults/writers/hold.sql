-- A transaction that stays open: what it writes is stamped with its start.
\set customer random(1, 40)
\set product random(1, 10)
\set other random(1, 40)
\set pause random(0, 3000)
begin;
update customers set city = 'Town ' || txid_current() where customer_id = :customer;
insert into sales (customer_id, product_id, quantity, unit_price, status, transaction_timestamp)
values (:customer, :product, 1, 5, 'pending', now());
\sleep :pause ms
update products set unit_price = unit_price + 1 where product_id = :product;
update customers set city = 'Town ' || txid_current() where customer_id = :other;
commit;
