create or replace view vw_recent_etl_runs as
select
    l.log_id,
    l.process_name,
    l.area,
    l.entity,
    l.hop,
    l.batch_id,
    l.status,
    l.start_time,
    l.end_time,
    l.duration_seconds,
    l.rows_processed,
    l.rows_inserted,
    l.rows_updated,
    l.rows_deleted,
    l.error_message,
    l.additional_info
from (
    -- Runs without an area are calls of procedures. They are counted apart from batches, so that
    -- many calls can't push the batches out of the view.
    (
        select b.log_id
        from etl_logs as b
        where b.area is not null
        order by b.start_time desc, b.log_id desc
        limit 100
    )
    union all
    (
        select c.log_id
        from etl_logs as c
        where c.area is null
        order by c.start_time desc, c.log_id desc
        limit 100
    )
) as r
inner join etl_logs as l on r.log_id = l.log_id
order by l.start_time desc, l.log_id desc;

comment on view vw_recent_etl_runs is
'One row per process run, newest first: the last 100 of batches, and the last 100 calls of
procedures.';

create or replace view vw_etl_performance_summary as
select
    l.process_name,
    count(*) as runs,
    count(*) filter (where l.status = 'RUNNING') as running,
    count(*) filter (where l.status = 'FAILED') as failures,
    round(
        100.0 * count(*) filter (where l.status in ('SUCCESS', 'WARNING'))
        / nullif(count(*) filter (where l.status <> 'RUNNING'), 0),
        1
    ) as success_percent,
    round(avg(l.duration_seconds), 3) as avg_seconds,
    round(
        (percentile_cont(0.95) within group (order by l.duration_seconds))::numeric, 3
    ) as p95_seconds,
    max(l.duration_seconds) as max_seconds,
    round(
        sum(l.rows_processed)
        / nullif(sum(l.duration_seconds) filter (where l.rows_processed is not null), 0)
    ) as rows_per_second,
    max(l.start_time) as last_run,
    (array_agg(l.status order by l.start_time desc, l.log_id desc))[1] as last_status
from etl_logs as l
group by l.process_name;

comment on view vw_etl_performance_summary is
'One row per process_name, over all its runs. success_percent and the times are those of ended
runs, failed ones included in the times; a run that ended with WARNING succeeded.';
