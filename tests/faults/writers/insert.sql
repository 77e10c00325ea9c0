-- A sale, of a customer and a product that may not be there.
\set customer random(1, 40)
\set product random(1, 10)
\set quantity random(0, 9)
\set pause random(1, 40)
insert into sales (customer_id, product_id, quantity, unit_price, status, transaction_timestamp)
values (:customer, :product, :quantity, 5, 'completed', now() - make_interval(days => :quantity));
\sleep :pause ms
