-- drop_column
alter table landing_passed.passed drop column v;

-- drop_view
drop view landing_passed.clean_passed;

-- empty
truncate landing_passed.passed;

-- landing
create unlogged table landing_sold.sizes (
    id integer,
    size integer,
    _reasons text[],
    _batch_id bigint,
    _seq bigint,
    _first_batch_id bigint,
    _extracted_at timestamp with time zone,
    _deleted_at timestamp with time zone
);
comment on table landing_sold.sizes is 'One row per version of landing_sold.derive_sizes on its way into STG.';

-- live
create or replace view landing_sold.live_sizes as
select m.id, m.size
from sold.stg_sizes as m
where m._deleted_at is null;
comment on view landing_sold.live_sizes is 'One row per row of sold.stg_sizes that is not deleted.';

-- mirror
create table sold.stg_counts (id integer, sizes bigint);
select tidemark.create_mirror('"sold"."stg_counts"', array['id']::text[]);
comment on table sold.stg_counts is 'One row per row of landing_sold.derive_counts that passed cleansing last.';

-- note
insert into tidemark.stage_again as s (area, entity, is_new)
values ('sold', 'items', true)
on conflict (area, entity) do update
set is_new = s.is_new or excluded.is_new, noted_at = excluded.noted_at;

-- pass_through
create view landing_sold.clean_sizes as
select
    l.id,
    l.size,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at,
    l._reasons as reject_reasons
from landing_sold.sizes as l;
comment on view landing_sold.clean_sizes is 'One row per version in landing_sold.sizes, as it came.';

-- passing
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

-- retype_column
alter table landing_passed.passed alter column at type character varying(
    3
) using at::character varying(3);
