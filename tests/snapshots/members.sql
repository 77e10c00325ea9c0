-- infer
insert into public.dwh_dim_customers
(customer_id, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
select distinct
    u.customer_id,
    timestamptz '2025-01-01Z',
    timestamptz '2025-01-01Z',
    true,
    true,
    timestamptz '2025-01-01Z',
    :batch_id::bigint
from (
    select _by_0::bigint as customer_id from landing."sales.resolved" where customer_key is null
) as u
where
    num_nulls(u.customer_id) = 0
    and not exists (select from public.dwh_dim_customers as d where d.customer_id = u.customer_id);

-- infer
insert into sold.dim_states
(id, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
select distinct
    u.id,
    timestamptz '2025-01-01Z',
    timestamptz '2025-01-01Z',
    true,
    true,
    timestamptz '2025-01-01Z',
    :batch_id::bigint
from (
    select t.id
    from landing_sold."states.timeline" as t
    where
        t._role = 'superseded'
        and exists (
            select
            from sold.fact_zoned as f
            where f.state_key = t._key
        )
        and not exists (
            select
            from sold.dim_states as d
            where d.id = t.id
        )
) as u
where
    num_nulls(u.id) = 0
    and not exists (select from sold.dim_states as d where d.id = u.id);

-- infer
insert into zoned.dim_things
(id, valid_from, valid_to, is_current, is_inferred, changed_at, _batch_id)
select distinct
    u.id,
    timestamptz '2025-01-01Z',
    timestamptz '2025-01-01Z',
    true,
    true,
    timestamptz '2025-01-01Z',
    :batch_id::bigint
from (
    select b.id
    from landing_zoned."things.before" as b
    where
        exists (select from shared.fact_events as f where f.thing_key = b.thing_key)
        and not exists (select from zoned.dim_things as d where d.id = b.id)
) as u
where
    num_nulls(u.id) = 0
    and not exists (select from zoned.dim_things as d where d.id = u.id);
