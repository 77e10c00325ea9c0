-- reserved in: key

-- The row versions of one key in a mirror, the latest first.
-- name: rows
select
    v._batch_id,
    v._seq,
    v._extracted_at,
    v._deleted_at,
    v._replaced_by,
    v.payload
from (
    select
        m._batch_id,
        m._seq,
        m._extracted_at,
        m._deleted_at,
        null::bigint as _replaced_by,
        jsonb_build_object({'payload', m.payload::text}) as payload
    from {mirror} as m
    where {m.nk = values::types}
    union all
    select
        h._batch_id,
        h._seq,
        h._extracted_at,
        h._deleted_at,
        h._replaced_by,
        jsonb_build_object({'payload', h.payload::text}) as payload
    from {history} as h
    where {h.nk = values::types}
) as v
order by v._batch_id desc, v._seq desc
limit %(most)s

-- The key of a reject is MRR's, whose types may be others: of CSV files, all are texts.
-- name: stays
select
    r.batch_id,
    r.first_seen_at,
    r.last_seen_at,
    r.resolved_at,
    r.reasons,
    r.row_data
from stg_rejects as r
where
    r.area = %(area)s
    and r.entity = %(entity)s
    and r.key in (
        jsonb_build_object({'nk', values::types}), jsonb_build_object({'nk', values::text})
    )
order by r.first_seen_at, r.reject_id
limit %(most)s

-- name: claims
select jsonb_build_array({c.mrr_key ->> 'nk'})
from tidemark.key_claim as c
where
    c.area = %(area)s
    and c.entity = %(entity)s
    and c.stg_key = jsonb_build_object({'nk', values::types})
order by c.holds desc, c.mrr_key
