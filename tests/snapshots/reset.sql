-- drop
drop table if exists sold.dim_items cascade;

-- forget
delete from tidemark.refused
where area = any(:values);

-- lock
lock table sold.dim_items in access exclusive mode;
