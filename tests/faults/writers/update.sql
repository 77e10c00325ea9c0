-- A customer moves to a town where nobody ever lived, and loses or gets a name.
\set customer random(1, 40)
\set named random(0, 9)
\set pause random(1, 40)
update customers
set city = 'Town ' || txid_current(), name = case when :named > 0 then 'Ada' else ' ' end
where customer_id = :customer;
\sleep :pause ms
