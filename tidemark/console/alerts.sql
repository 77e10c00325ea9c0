-- Alerts: what stands, and what stood.

-- name: open
select
    a.alert_id,
    a.area,
    a.event,
    a.subject,
    a.severity,
    a.what,
    a.look,
    a.began_at,
    a.ended_at,
    m.channels,
    m.told
from tidemark.alert as a
cross join lateral (
    select
        count(*) as channels,
        count(n.told_at) as told
    from tidemark.alert_message as n
    where n.alert_id = a.alert_id and n.phase = 'begin'
) as m
where a.ended_at is null and a.area = any (%(areas)s)
order by a.began_at, a.alert_id
limit %(most)s

-- name: past
select
    a.alert_id,
    a.area,
    a.event,
    a.subject,
    a.severity,
    a.what,
    a.look,
    a.began_at,
    a.ended_at,
    m.channels,
    m.told
from tidemark.alert as a
cross join lateral (
    select
        count(*) as channels,
        count(n.told_at) as told
    from tidemark.alert_message as n
    where n.alert_id = a.alert_id and n.phase = 'begin'
) as m
where
    a.ended_at is not null
    and a.area = any (%(areas)s)
    and (%(before)s = 0 or a.alert_id < %(before)s)
order by a.alert_id desc
limit %(limit)s
