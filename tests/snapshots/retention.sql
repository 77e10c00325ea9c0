-- delete_replaced
delete from public.mrr_dim_customers_history as h
using landing."mrr_dim_customers.replaced" as r
where
    h.customer_id = r.customer_id
    and h._batch_id = r._batch_id
    and h._seq = r._seq
    and r._position > 0
    and r._position <= 10000;

-- find_replaced
select
    row_number() over () as _position,
    h.*
from (
    select distinct
        h.customer_id,
        h._batch_id,
        h._seq
    from (
        select
            customer_id,
            _batch_id,
            _seq
        from public.mrr_dim_customers
        where _batch_id > 0 and _batch_id <= 6
        union all
        select
            customer_id,
            _batch_id,
            _seq
        from public.mrr_dim_customers_history
        where _batch_id > 0 and _batch_id <= 6
    ) as w
    inner join public.mrr_dim_customers_history as h on h.customer_id = w.customer_id
    and (h._batch_id, h._seq) < (w._batch_id, w._seq)
) as h;

-- index_replaced
alter table landing."mrr_dim_customers.replaced" add primary key (_position);
