-- What a layer has kept of its checks.

-- name: kept
select
    check_name,
    layer,
    entity,
    definition,
    status,
    since,
    batch_id,
    value,
    bound,
    message,
    sample,
    good_values,
    suspects
from tidemark.check_result
where area = %(area)s

-- name: keep
insert into tidemark.check_result as r (
    area,
    check_name,
    layer,
    entity,
    definition,
    status,
    since,
    batch_id,
    value,
    bound,
    message,
    sample,
    good_values,
    suspects
)
select
    %(area)s,
    n.check_name,
    n.layer,
    n.entity,
    n.definition,
    n.status,
    n.since,
    n.batch_id,
    n.value,
    n.bound,
    n.message,
    n.sample,
    array(select jsonb_array_elements_text(n.good_values)::numeric),
    n.suspects
from jsonb_to_recordset(%(results)s) as n (
    check_name text,
    layer text,
    entity text,
    definition text,
    status text,
    since bigint,
    batch_id bigint,
    value numeric,
    bound text,
    message text,
    sample jsonb,
    good_values jsonb,
    suspects jsonb
)
on conflict (area, check_name) do update
set
    layer = excluded.layer,
    entity = excluded.entity,
    definition = excluded.definition,
    status = excluded.status,
    since = excluded.since,
    batch_id = excluded.batch_id,
    value = excluded.value,
    bound = excluded.bound,
    message = excluded.message,
    sample = excluded.sample,
    good_values = excluded.good_values,
    suspects = excluded.suspects
