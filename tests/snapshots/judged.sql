-- lost
select
    'things' as entity,
    exists (
        select 1
        from landing_checked.things as l
        where l._deleted_at is not null
    ) as lost;
