-- lock
lock table public.dwh_dim_customers in access exclusive mode;

-- may
select
    not exists (
        select 1
        from public.dwh_dim_customers
        limit 1
    )
    and not exists (
        select 1 from pg_constraint
        where contype = 'f' and confrelid = :table::regclass
    ),
    not exists (
        select 1 from pg_constraint
        where contype = 'f' and conrelid = :table::regclass
    );

-- truncate
truncate public.mrr_dim_customers;
