-- are_plain
select
    not exists (select from tidemark.key_claim as k where k.area = 'passed' and k.entity = 'passed')
    and not exists (
        select from stg_rejects as r
        where r.area = 'passed' and r.entity = 'passed' and r.resolved_at is null
    )
    and not exists (
        select
        from (
            select
                tag,
                part,
                v,
                sizes,
                at,
                updated_at,
                _seq,
                reject_reasons
            from landing_passed.clean_passed
            offset 0
        ) as v
        where _seq <> 0 or (reject_reasons = '{}') is not true or num_nulls(tag, part) > 0
        or at is null or at < '0001-01-02' or at >= '9999-12-30'
    );

-- drop_beside
drop view landing."customers.passing";

-- is_passing
select
    pg_get_viewdef('"landing"."clean_customers"'::regclass) = pg_get_viewdef(
        '"landing"."customers.passing"'::regclass
    );

-- landed
select
    tag,
    part,
    v,
    sizes,
    at,
    updated_at,
    _batch_id,
    _seq,
    _extracted_at,
    case
        when _deleted_at is null and (
            v = 'gone'
        ) then least((at at time zone 'Europe/Berlin'), _extracted_at)
        else _deleted_at
    end as _deleted_at
from landing_passed.clean_passed;

-- make_beside
create view landing."customers.passing" as
select
    l.customer_id,
    l.name,
    l.email,
    l.phone,
    l.city,
    l.country,
    l.segment,
    l.created_at,
    l.updated_at,
    l._batch_id,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at,
    l._seq,
    array[]::text[] as reject_reasons
from landing.customers as l;
