-- lost
select
    'things' as entity,
    exists (
        select
        from landing_checked.things as l
        where l._deleted_at is not null
    ) as lost;
