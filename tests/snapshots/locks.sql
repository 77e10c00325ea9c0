-- draw
insert into tidemark.lock as k (name, number)
select
    n.name,
    1
from unnest(:names::text[]) as n (name)
order by n.name
on conflict (name) do update set number = k.number + 1
returning number;

-- drawn
select number from tidemark.lock where name = :name;

-- hold
select number from tidemark.lock where name = :name for update nowait;

-- make
insert into tidemark.lock (name, number) values (:name, 0) on conflict (name) do nothing;

-- show
select tidemark.show_number(:name, :number);
