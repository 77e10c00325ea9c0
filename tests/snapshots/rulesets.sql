-- keep
with texts as (
    insert into tidemark.rule_text (checksum, content)
    select distinct
        c.value,
        :texts::jsonb ->> c.key
    from jsonb_each_text(:checksums) as c (key, value)
    on conflict do nothing
)

insert into tidemark.ruleset (checksum, path, text_checksum)
select
    :checksum,
    c.key,
    c.value
from jsonb_each_text(:checksums) as c (key, value)
on conflict do nothing;

-- made_anew
update tidemark.applied_batch
set ruleset = :checksum
where area = :area and ruleset is distinct from :checksum;

-- others
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
            full join jsonb_each_text(:now) as n (key, value) on r.path = n.key
            where b.ruleset is not null and r.text_checksum is distinct from n.value
        ),
        '{}'
    )
from tidemark.applied_batch as b
where b.area = :area and b.ruleset is distinct from :checksum
group by b.ruleset
order by 1;
