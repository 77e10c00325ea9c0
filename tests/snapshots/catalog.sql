-- lacking
select
    0 as place,
    array_remove(
        array[case when bool_or(
            created_at is null or not isfinite(created_at)
        ) then 'created_at' end,
        case when bool_or(updated_at is null or not isfinite(updated_at)) then 'updated_at' end],
        null
    )::text[] as lacking
from (
    select created_at, updated_at
    from public.customers
    limit 10000
) as t;

-- nothing_of
select *
from (
select id, sizes, updated_at from sold.items
) as query
limit 0;
