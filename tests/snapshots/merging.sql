-- is_repeated
select exists (
    select
    from landing_dropped.dropped
    group by id
    having count(*) > 1
);
