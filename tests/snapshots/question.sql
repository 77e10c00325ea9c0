-- both
select
    (select json_agg(f) from (select
    'customers' as entity,
    exists (
        select
        from public.stg_dim_customers
        where _batch_id > 4
    ) as has_versions) as f) as first,
    (select json_agg(s) from (select pg_export_snapshot() as snapshot) as s) as second;
