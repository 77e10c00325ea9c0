-- is_repeated
select exists (
    select
    from landing_dropped.typed
    group by id
    having count(*) > 1
);
