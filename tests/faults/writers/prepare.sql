-- A transaction that outlives its session, in a way: no batch can know when its rows were stamped.
\set customer random(1, 40)
\set pause random(0, 300)
begin;
update customers set city = 'Town ' || txid_current() where customer_id = :customer;
prepare transaction 'writer :client_id';
\sleep :pause ms
commit prepared 'writer :client_id';
