-- Alerts: what stands is kept in the DWH, so that it is told once when it begins, and once when it ends.

-- Begins what is new, and ends what of the judged events is no longer there. Of two processes that find
-- the same, the unique index lets one begin it.
-- name: settle
with found as (
    select
        p.event,
        p.subject,
        p.severity,
        p.what,
        p.look,
        p.since
    from jsonb_to_recordset(%(problems)s) as p (
        event text, subject text, severity text, what text, look text, since timestamptz
    )
),

ended as (
    update tidemark.alert as a
    set ended_at = clock_timestamp()
    where
        a.area = %(area)s
        and a.ended_at is null
        and a.event = any (%(judged)s)
        and (a.subject = any (%(subjects)s) or %(subjects)s is null)
        and not exists (
            select
            from found as f
            where f.event = a.event and f.subject = a.subject
        )
)

insert into tidemark.alert (area, event, subject, severity, what, look, began_at)
select
    %(area)s,
    f.event,
    f.subject,
    f.severity,
    f.what,
    f.look,
    f.since
from found as f
on conflict (area, event, subject) where ended_at is null do nothing

-- A message for each channel that was not told yet. An end is told to those who were told of the
-- beginning. Returns whether one is due.
-- name: address
with added as (
    insert into tidemark.alert_message (alert_id, phase, channel)
    select
        a.alert_id,
        'begin',
        c.channel
    from tidemark.alert as a
    cross join unnest(%(channels)s::text[]) as c (channel)
    where a.ended_at is null
    union all
    select
        a.alert_id,
        'end',
        m.channel
    from tidemark.alert as a
    inner join tidemark.alert_message as m on a.alert_id = m.alert_id and m.phase = 'begin'
    where
        a.ended_at > clock_timestamp() - interval '1 day'
        and m.channel = any (%(channels)s::text[])
    on conflict do nothing
    returning alert_id
)

select
    exists (select from added)
    or exists (
        select
        from tidemark.alert_message as m
        where
            m.told_at is null
            and m.channel = any (%(channels)s::text[])
            and m.due_at <= clock_timestamp()
    ) as is_due

-- The next message of a channel. Another process that is about to tell one has it locked. Nobody is told
-- the end first, and what nobody took for a day is let go.
-- name: next_message
select
    m.alert_id,
    m.phase,
    a.ended_at,
    a.area,
    a.event,
    a.subject,
    a.severity,
    a.what,
    a.look,
    a.began_at
from tidemark.alert_message as m
inner join tidemark.alert as a on m.alert_id = a.alert_id
where
    m.channel = %(channel)s
    and m.told_at is null
    and m.due_at <= clock_timestamp()
    and coalesce(a.ended_at, clock_timestamp()) > clock_timestamp() - interval '1 day'
    and (
        m.phase = 'begin'
        or not exists (
            select
            from tidemark.alert_message as b
            where
                b.alert_id = m.alert_id
                and b.channel = m.channel
                and b.phase = 'begin'
                and b.told_at is null
        )
    )
order by m.due_at, m.alert_id
limit 1
for update of m skip locked

-- name: told
update tidemark.alert_message
set told_at = clock_timestamp(), tries = tries + 1, last_error = null
where alert_id = %(alert_id)s and phase = %(phase)s and channel = %(channel)s

-- name: refused
update tidemark.alert_message
set
    tries = tries + 1,
    last_error = %(error)s,
    due_at = clock_timestamp() + least(interval '1 hour', interval '1 minute' * 2 ^ least(tries, 6))
where alert_id = %(alert_id)s and phase = %(phase)s and channel = %(channel)s

-- What channels have not taken, for `doctor` and `tidemark alert`.
-- name: untold
select
    m.last_error,
    count(*) as messages,
    min(a.noticed_at) as since
from tidemark.alert_message as m
inner join tidemark.alert as a on m.alert_id = a.alert_id
where
    m.told_at is null
    and m.last_error is not null
    and coalesce(a.ended_at, clock_timestamp()) > clock_timestamp() - interval '1 day'
group by m.last_error
order by 1

-- name: open_alerts
select
    a.area,
    a.event,
    a.subject,
    a.severity,
    a.what,
    a.look,
    a.began_at
from tidemark.alert as a
where a.ended_at is null
order by a.began_at, a.alert_id
