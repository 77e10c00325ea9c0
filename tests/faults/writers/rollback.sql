-- A transaction that never was, and one of which a part never was.
\set customer random(1, 40)
\set pause random(0, 200)
begin;
update customers set city = 'Nowhere' where customer_id = :customer;
delete from sales where customer_id = :customer;
\sleep :pause ms
rollback;
begin;
update customers set city = 'Town ' || txid_current() where customer_id = :customer;
savepoint half;
update customers set city = 'Nowhere' where customer_id = :customer;
delete from customers where customer_id = :customer + 1;
rollback to savepoint half;
insert into sales (customer_id, product_id, quantity, unit_price, status, transaction_timestamp)
values (:customer, 1, 1, 5, 'completed', now());
release savepoint half;
commit;
