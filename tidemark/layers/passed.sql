-- reserved in: key, staged

-- Landed rows that go into the mirror of STG as they came.
--
-- {view}     the cleansing view, which passes rows on
-- {mirror}   STG's table
-- {payload}  its columns

-- Both spelled by PostgreSQL, which writes equal queries alike.
-- name: make_beside
create view {beside} as
{query}

-- name: is_passing
select pg_get_viewdef({view}::regclass) = pg_get_viewdef({beside}::regclass)

-- name: drop_beside
drop view {beside}

-- Whether no row is refused, no batch shows versions in an order, and there is neither a claim nor an
-- open reject.
-- name: are_plain
select
    not exists (select from tidemark.key_claim as k where k.area = {area} and k.entity = {entity})
    and not exists (
        select from stg_rejects as r
        where r.area = {area} and r.entity = {entity} and r.resolved_at is null
    )
    and not exists (
        select
        from (
            select
                {payload},
                _seq,
                reject_reasons
            from {view}
            offset 0
        ) as v
        where _seq <> 0 or (reject_reasons = '{{}}') is not true {or violation}
    )

-- A row that is deleted has the values of STG's row.
-- name: as_landed
(
    select
        {payload},
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at
    from (
{landed}
    ) as l
    where _deleted_at is null
    union all
    select
        {kept.payload},
        l._batch_id,
        l._seq,
        l._extracted_at,
        l._deleted_at
    from (
{landed}
    ) as l
    inner join {mirror} as kept on {kept.key = l.key}
    where l._deleted_at is not null
)

-- name: landed
select
    {payload},
    _batch_id,
    _seq,
    _extracted_at,
    {deleted_at}
from {view}
