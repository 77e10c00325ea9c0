-- The logs as their readers know them: views of the platform's tables.
--
-- A batch has four steps: load_csv and load_json are the hop into MRR, load_dim_customer and
-- load_fact_click_events those into STG and the DWH. The last two are published in one transaction:
-- if it fails, neither has loaded anything.

create or replace view marketing.ingestion_logs as
with steps (position, step_name, entity, loads, table_name) as (
    values
    (0, 'load_csv', 'customers', 'extract', 'raw_customer_demographics'),
    (1, 'load_json', 'clicks', 'extract', 'raw_clickstream_events'),
    (2, 'load_dim_customer', 'customers', 'publish', 'dim_customer'),
    (3, 'load_fact_click_events', 'clicks', 'publish', 'fact_click_events')
),

runs as (
    select
        l.log_id,
        l.batch_id,
        l.hop,
        case when l.hop = 'stage' then 'publish' else l.hop end as loads,
        l.status = 'FAILED' as has_failed,
        l.start_time,
        l.end_time,
        l.error_message,
        -- The entities that it failed for: the one its error begins with, or those of checks.
        array(
            select split_part(l.error_message, ':', 1)
            union
            select q.entity
            from public.dq_check_logs as q
            where
                q.area = l.area
                and q.batch_id = l.batch_id
                and q.severity = 'fail'
                and q.status in ('FAILED', 'ERROR')
                and q.accepted_by is null
                and q.entity is not null
        ) as blamed
    from public.etl_logs as l
    where
        l.area = 'marketing'
        and l.entity is null
        and l.batch_id is not null
        -- When the hop into STG has ended, the publish goes on with what it began.
        and (
            (l.hop in ('extract', 'publish') and l.status <> 'RUNNING')
            or (l.hop = 'stage' and l.status = 'FAILED')
        )
),

-- What a hop tells of an entity has the time at which the hop began.
moved as (
    select
        l.start_time,
        l.hop,
        l.entity,
        coalesce(l.rows_inserted, 0) + coalesce(l.rows_updated, 0) as records_loaded
    from public.etl_logs as l
    where l.area = 'marketing' and l.entity is not null
)

select
    r.log_id * 4 + s.position as log_id,
    r.end_time as log_timestamp,
    case when r.has_failed then 'ERROR' else 'INFO' end as log_level,
    s.step_name,
    case
        when r.has_failed then format('%s: nothing was loaded', s.table_name)
        else format('%s: %s records loaded', s.table_name, coalesce(m.records_loaded, 0))
    end as message,
    case when not r.has_failed then coalesce(m.records_loaded, 0) end as records_loaded,
    r.error_message as error_details,
    r.batch_id
from runs as r
inner join steps as s on r.loads = s.loads
left join moved as m on r.start_time = m.start_time and r.hop = m.hop and s.entity = m.entity
where
    not r.has_failed
    or s.entity = any(r.blamed)
    or not r.blamed && array['customers', 'clicks']
order by log_id;

comment on view marketing.ingestion_logs is
'One row per step and run of it: four a batch, also of one that found nothing new. A batch that
failed ends with ERROR: at the step that did, or at both of its hop if that is of neither.';
comment on column marketing.ingestion_logs.records_loaded is
'Rows that were new or changed in the table of the step; null if it failed.';

create or replace view marketing.dq_check_logs as
select
    q.log_id,
    q.check_name,
    q.status,
    q.run_time,
    q.message,
    q.result_value,
    q.bound,
    q.severity,
    q.layer,
    q.entity,
    q.sample,
    q.batch_id,
    q.duration,
    q.accepted_by
from public.dq_check_logs as q
where q.area = 'marketing';

comment on view marketing.dq_check_logs is
'One row per check of the area and time it looked, kept although nothing was published.';
