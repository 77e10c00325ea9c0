-- nulls
select
    0 as place,
    array_remove(
        array[case when bool_or(transaction_timestamp is null) then 'transaction_timestamp' end],
        null
    )::text[] as lacking
from (
    select transaction_timestamp
    from public.sales
    limit 10000
) as t;
