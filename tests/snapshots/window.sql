-- beyond
select
    'customers' as entity,
    count(*) filter (where updated_at is null) as without,
    count(*) filter (where updated_at >= timestamptz '2025-01-01Z') as endless,
    count(*) filter (where updated_at < timestamptz '2025-01-01Z') as future
from public.customers
where updated_at is null or updated_at >= timestamptz '2025-01-01Z';

-- beyond
select
    'things' as entity,
    count(*) filter (where no is null) as without,
    count(*) filter (
        where no >= (select s.last_value + 1 from zoned_numbers.drawn as s)
    ) as endless,
    count(*) filter (where no < (select s.last_value + 1 from zoned_numbers.drawn as s)) as future
from zoned_numbers.things
where no is null or no >= (select s.last_value + 1 from zoned_numbers.drawn as s);

-- look
select
    b.entity,
    b.without,
    b.endless,
    b.future,
    exists (
        select
        from public.customers
        where updated_at < timestamptz '2025-01-01Z'
    ) as has_rows
from (select
    'customers' as entity,
    count(*) filter (where updated_at is null) as without,
    count(*) filter (where updated_at >= timestamptz '2025-01-01Z') as endless,
    count(*) filter (where updated_at < timestamptz '2025-01-01Z') as future
from public.customers
where updated_at is null or updated_at >= timestamptz '2025-01-01Z') as b;

-- nothing_beyond
select
    'events' as entity,
    0 as without,
    0 as endless,
    0 as future;
