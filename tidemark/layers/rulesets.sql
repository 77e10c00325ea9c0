-- The rules that batches were made by.

-- All in one statement: foreign keys are checked at its end, so the order of its parts is free.
-- name: keep
with texts as (
    insert into tidemark.rule_text (checksum, content)
    select distinct
        c.value,
        %(texts)s::jsonb ->> c.key
    from jsonb_each_text(%(checksums)s) as c (key, value)
    on conflict do nothing
)

insert into tidemark.ruleset (checksum, path, text_checksum)
select
    %(checksum)s,
    c.key,
    c.value
from jsonb_each_text(%(checksums)s) as c (key, value)
on conflict do nothing

-- name: others
select
    min(b.batch_id),
    max(b.batch_id),
    count(*),
    coalesce(
        (
            select array_agg(coalesce(n.key, r.path) order by coalesce(n.key, r.path))
            from (
                select
                    path,
                    text_checksum
                from tidemark.ruleset
                where checksum = b.ruleset
            ) as r
            full join jsonb_each_text(%(now)s) as n (key, value) on r.path = n.key
            where b.ruleset is not null and r.text_checksum is distinct from n.value
        ),
        '{{}}'
    )
from tidemark.applied_batch as b
where b.area = %(area)s and b.ruleset is distinct from %(checksum)s
group by b.ruleset
order by 1

-- name: made_anew
update tidemark.applied_batch
set ruleset = %(checksum)s
where area = %(area)s and ruleset is distinct from %(checksum)s
