-- both
select
    (select json_agg(f) from (select
    'customers' as entity,
    (
        exists (
            select
            from public.stg_dim_customers
            where _first_batch_id > 4
        )
        or exists (
            select
            from public.stg_dim_customers_history
            where _replaced_by > 4
        )
        or exists (select from tidemark.rows_without_history('"public"."stg_dim_customers"', 4))
    ) as has_versions) as f) as first,
    (select json_agg(s) from (select pg_export_snapshot() as snapshot) as s) as second;
