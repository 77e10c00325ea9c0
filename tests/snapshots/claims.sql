-- are_unknown
select exists (select from tidemark.claims_unknown where area = :area) as are_unknown;

-- examine
select
    count(*) filter (where l._first_batch_id is null),
    count(*) filter (where (l.customer_id = c.customer_id and true) is not true),
    count(*) - count(distinct c._landed),
    coalesce(bool_or(c._seq <> 0), false),
    exists (select from tidemark.key_claim as k where k.area = 'retail' and k.entity = 'customers'),
    exists (select from landing."customers.cleaned" where reject_reasons <> '{}' and _deleted_at is null),
    exists (
        select from stg_rejects as r
        where r.area = 'retail' and r.entity = 'customers' and r.resolved_at is null
    )
from landing."customers.cleaned" as c
left join landing.customers as l on c._landed = l._first_batch_id
where c._landed is null or c._landed > 0;

-- forget
delete from tidemark.key_claim as k where k.area = 'retail' and k.entity = 'customers';
