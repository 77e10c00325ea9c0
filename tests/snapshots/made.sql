-- add_column
alter table landing.customers add column vip character varying(20);

-- drop_column
alter table landing_passed.passed drop column v;

-- drop_view
drop view landing_passed.clean_passed;

-- landing
create unlogged table landing_passed.passed (
    tag text,
    part integer,
    v text,
    sizes integer[],
    at timestamp with time zone,
    updated_at timestamp with time zone,
    _batch_id bigint,
    _seq bigint,
    _first_batch_id bigint,
    _extracted_at timestamp with time zone,
    _deleted_at timestamp with time zone
);
comment on table landing_passed.passed is 'One row per version of passed.mrr_passed on its way into STG.';

-- mirror
create table passed.mrr_passed (
    tag text,
    part integer,
    v text,
    sizes integer[],
    at timestamp with time zone,
    updated_at timestamp with time zone
);
select tidemark.create_mirror('"passed"."mrr_passed"', array['tag', 'part']::text[]);
comment on table passed.mrr_passed is 'One row per row of passed.things, as operational showed it last.';

-- note
insert into tidemark.stage_again as s (area, entity, is_new)
values ('passed', 'passed', true)
on conflict (area, entity) do update
set is_new = s.is_new or excluded.is_new, noted_at = excluded.noted_at;

-- pass_through
create view landing_passed.clean_passed as
select
    l.tag,
    l.part,
    l.sizes,
    l.at,
    l.updated_at,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at,
    array[]::text[] as reject_reasons
from landing_passed.passed as l;
comment on view landing_passed.clean_passed is 'One row per version in landing_passed.passed, as it came.';

-- retype_column
alter table landing_passed.passed alter column at type character varying(
    3
) using at::character varying(3);
