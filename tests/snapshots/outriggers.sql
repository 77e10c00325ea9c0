-- at
create view shared.dim_things_at as
select
    d.thing_key,
    coalesce(r0.thing_key, 0) as boss_key, coalesce(r1.thing_key, 0) as thing_at_key,
    greatest(d._from, r0._from, r1._from) as at_from,
    least(d._to, r0._to, r1._to) as at_to
from (
    select
        x.thing_key,
        x.boss,
        x.id,
        case
            when exists (
                select 1
                from shared.dim_things as b
                where b.id = x.id and b.valid_from < x.valid_from
            ) then x.valid_from
            else '0001-01-01 00:00:00+00'::timestamptz
        end as _from,
        coalesce(
            (
                select min(n.valid_from)
                from shared.dim_things as n
                where n.id = x.id and n.valid_from > x.valid_from
            ),
            timestamptz '2025-01-01Z'
        ) as _to
    from shared.dim_things as x
) as d
left join (
    select
        x.thing_key,
        x.id,
        case
            when exists (
                select 1
                from shared.dim_things as b
                where b.id = x.id and b.valid_from < x.valid_from
            ) then x.valid_from
            else '0001-01-01 00:00:00+00'::timestamptz
        end as _from,
        coalesce(
            (
                select min(n.valid_from)
                from shared.dim_things as n
                where n.id = x.id and n.valid_from > x.valid_from
            ),
            timestamptz '2025-01-01Z'
        ) as _to
    from shared.dim_things as x
) as r0 on r0.id = d.boss::integer
and r0._from < least(d._to)
and r0._to > greatest(d._from)
left join (
    select
        x.thing_key,
        x.id,
        case
            when exists (
                select 1
                from zoned.dim_things as b
                where b.id = x.id and b.valid_from < x.valid_from
            ) then x.valid_from
            else '0001-01-01 00:00:00+00'::timestamptz
        end as _from,
        coalesce(
            (
                select min(n.valid_from)
                from zoned.dim_things as n
                where n.id = x.id and n.valid_from > x.valid_from
            ),
            timestamptz '2025-01-01Z'
        ) as _to
    from zoned.dim_things as x
) as r1 on r1.id = d.id::integer
and r1._from < least(r0._to, d._to)
and r1._to > greatest(r0._from, d._from);
comment on view shared.dim_things_at is 'One row per version of shared.dim_things and span of instants, at_from to before at_to, in which it points at the same versions: boss_key is thing_key of shared.dim_things by boss; thing_at_key is thing_key of zoned.dim_things by id.';
