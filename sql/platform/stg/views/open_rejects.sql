-- How many rows wait, and nothing of them: for those who watch.
create or replace view tidemark.open_rejects as
select
    r.area,
    r.entity,
    count(*) as rows
from stg_rejects as r
where r.resolved_at is null
group by r.area, r.entity;

comment on view tidemark.open_rejects is
'One row per area and entity with rows that are refused now: how many.';

grant usage on schema tidemark to tidemark_monitor;
grant select on tidemark.open_rejects to tidemark_monitor;
