-- The log and the watermarks as the shop's people know them: views of the platform's tables.
--
-- Extract_Source_to_Raw is the hop into MRR. Load_Dimensions and Load_Facts are the hop into STG
-- and their part of the publish, Aggregate_Gold is the rest of the publish. These three are one
-- transaction: if it fails, nothing of them stands, and the one in which it failed is in the log.

create or replace view commerce.pipeline_execution_log as
with processes (position, process_name, layer) as (
    values
    (0, 'Extract_Source_to_Raw', 'Raw'),
    (1, 'Load_Dimensions', 'Curated'),
    (2, 'Load_Facts', 'Curated'),
    (3, 'Aggregate_Gold', 'Gold')
),

loads (entity, process_name) as (
    values
    ('customers', 'Load_Dimensions'),
    ('products', 'Load_Dimensions'),
    ('orders', 'Load_Dimensions'),
    ('order_lines', 'Load_Facts'),
    ('payments', 'Load_Facts'),
    ('placed_orders', 'Load_Facts'),
    ('placed_lines', 'Load_Facts')
),

-- The error of a hop begins with the entity at which it stopped, if it was one.
runs as (
    select
        l.log_id,
        l.batch_id,
        l.hop,
        l.status,
        l.start_time,
        l.end_time,
        l.rows_processed,
        l.error_message,
        case
            when l.hop = 'extract' then 'Extract_Source_to_Raw'
            when f.process_name is not null then f.process_name
            when l.hop = 'stage' then 'Load_Dimensions'
            else 'Aggregate_Gold'
        end as stopped_in
    from public.etl_logs as l
    left join loads as f on split_part(l.error_message, ':', 1) = f.entity
    where
        l.area = 'commerce'
        and l.entity is null
        and l.batch_id is not null
        and l.hop in ('extract', 'stage', 'publish')
),

steps as (
    select
        r.log_id,
        r.batch_id,
        r.hop,
        r.status,
        r.start_time,
        r.end_time,
        r.rows_processed,
        r.error_message,
        p.position,
        p.process_name,
        p.layer
    from runs as r
    cross join processes as p
    where
        case
            when r.status = 'FAILED' then p.process_name = r.stopped_in
            when r.hop = 'extract' then p.layer = 'Raw'
            when r.hop = 'publish' then p.layer <> 'Raw'
            -- When the hop into STG has ended, the publish goes on with what it began.
            else p.layer = 'Curated' and r.status = 'RUNNING'
        end
),

staged as (
    select
        r.batch_id,
        max(r.start_time) as start_time
    from runs as r
    where r.hop = 'stage'
    group by r.batch_id
),

-- What a hop tells of an entity has the time at which the hop began.
moved as (
    select
        l.start_time,
        coalesce(f.process_name, 'Aggregate_Gold') as process_name,
        sum(l.rows_processed)::bigint as rows_processed
    from public.etl_logs as l
    left join loads as f on l.entity = f.entity
    where l.area = 'commerce' and l.hop = 'publish' and l.entity is not null
    group by l.start_time, coalesce(f.process_name, 'Aggregate_Gold')
)

select
    s.log_id * 4 + s.position as execution_id,
    s.batch_id,
    s.process_name,
    s.layer,
    case s.status when 'RUNNING' then 'STARTED' when 'FAILED' then 'FAILED' else 'SUCCESS' end
        as status,
    case
        when s.hop = 'publish' and s.layer = 'Curated' and b.start_time is not null
            then b.start_time
        else s.start_time
    end as start_time,
    s.end_time,
    case
        when s.status not in ('SUCCESS', 'WARNING') then null
        when s.hop = 'extract' then s.rows_processed
        when s.layer = 'Gold' then m.rows_processed
        else coalesce(m.rows_processed, 0)
    end as rows_processed,
    s.error_message
from steps as s
left join staged as b on s.batch_id = b.batch_id
left join moved as m
    on s.hop = 'publish' and s.start_time = m.start_time and s.process_name = m.process_name
order by execution_id;

comment on view commerce.pipeline_execution_log is
'One row per process and run of it: four a batch, also of one that found nothing new. Rows are added
and never taken away. A batch that failed ends with the process in which it did, and its error.';
comment on column commerce.pipeline_execution_log.rows_processed is
'Null for a process that has not succeeded, and where Tidemark does not count: for aggregates.';

create or replace view commerce.pipeline_watermark as
with succeeded as (
    select
        l.process_name,
        max(l.batch_id) as batch_id
    from commerce.pipeline_execution_log as l
    -- Without a published table all begins anew: before the first load, and after a reset.
    where
        l.status = 'SUCCESS'
        and exists (
            select from public.high_water_mark as m
            where m.area = 'commerce'
        )
    group by l.process_name
),

extracted as (
    select
        l.batch_id,
        max(l.start_time) as start_time
    from commerce.pipeline_execution_log as l
    where l.process_name = 'Extract_Source_to_Raw' and l.status = 'SUCCESS'
    group by l.batch_id
),

processes (process_name) as (
    values ('Extract_Source_to_Raw'), ('Load_Dimensions'), ('Load_Facts'), ('Aggregate_Gold')
)

select
    p.process_name,
    coalesce(e.start_time, '1900-01-01 00:00:00+00') as last_processed_timestamp,
    s.batch_id as last_batch_id
from processes as p
left join succeeded as s on p.process_name = s.process_name
left join extracted as e on s.batch_id = e.batch_id;

comment on view commerce.pipeline_watermark is
'One row per process: the batch in which it last succeeded, and when the extraction of that batch
began, so what had arrived by then is in. 1900-01-01 before the first load: all is still to come.';
