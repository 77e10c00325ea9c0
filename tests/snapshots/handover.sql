-- keep
select
    thing_key,
    id
from zoned.dim_things
where thing_key <> 0;

-- repoint
update shared.fact_events as f
set thing_key = (
    select x.thing_key
    from zoned.dim_things as x
    where x.id = b.id
    order by
        x.valid_from <= (f.day::timestamp at time zone 'UTC') desc,
        case when x.valid_from <= (f.day::timestamp at time zone 'UTC') then x.valid_from end desc,
        x.valid_from
    limit 1
)
from landing_zoned."things.before" as b
left join zoned.dim_things as d on b.thing_key = d.thing_key
where
    f.thing_key = b.thing_key
    and (
        d.thing_key is null
        or not (
            d.valid_from <= (f.day::timestamp at time zone 'UTC')
            and (f.day::timestamp at time zone 'UTC') < d.valid_to
        )
    )
    and f.thing_key <> (
        select x.thing_key
        from zoned.dim_things as x
        where x.id = b.id
        order by
            x.valid_from <= (f.day::timestamp at time zone 'UTC') desc,
            case when x.valid_from <= (
                f.day::timestamp at time zone 'UTC'
            ) then x.valid_from end desc,
            x.valid_from
        limit 1
    );
