-- How far files were taken, and nothing of them: for those who watch.
create or replace view tidemark.file_lag as
select
    p.area,
    p.entity,
    p.position ->> 'status' as status,
    count(*) as files,
    max((p.position ->> 'modified')::timestamptz) as modified
from tidemark.source_position as p
where p.position ? 'status'
group by p.area, p.entity, p.position ->> 'status';

comment on view tidemark.file_lag is
'One row per area, entity and status of its files (taken, set_aside): how many, and when the newest
of them was modified.';

grant usage on schema tidemark to tidemark_monitor;
grant select on tidemark.file_lag to tidemark_monitor;
