-- history
delete from public.mrr_dim_customers_history
where ctid = any(
    array(
        select h.ctid
        from public.mrr_dim_customers_history as h
        where h._replaced_by <= :until
        order by h._replaced_by
        limit :rows
    )
);
