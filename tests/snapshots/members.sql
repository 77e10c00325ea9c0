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
left join public.dwh_dim_customers as d on u.customer_id = d.customer_id
where num_nulls(u.customer_id) = 0 and d.valid_from is null;

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
    select distinct o.id
    from (
        select
            t._key,
            t.id
        from landing_sold."states.timeline" as t
        left join sold.dim_states as d on t.id = d.id
        where t._role = 'superseded' and d.state_key is null
    ) as o
    inner join sold.fact_zoned as f on o._key = f.state_key
) as u
left join sold.dim_states as d on u.id = d.id
where num_nulls(u.id) = 0 and d.valid_from is null;

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
    select distinct o.id
    from (
        select
            b.thing_key,
            b.id
        from landing_zoned."things.before" as b
        left join zoned.dim_things as d on b.id = d.id
        where d.thing_key is null
    ) as o
    inner join shared.fact_events as f on o.thing_key = f.thing_key
) as u
left join zoned.dim_things as d on u.id = d.id
where num_nulls(u.id) = 0 and d.valid_from is null;
