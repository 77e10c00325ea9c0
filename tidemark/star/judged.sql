-- Rows of the star that checks judge: r and o are rows of its tables.

-- name: is_member
({row}.is_current and not {row}.is_deleted and not {row}.is_inferred and {row}.{surrogate} <> 0)

-- name: is_kept
not {is_deleted}

-- name: has_landed
(
    select r.*
    from {rows} as r
    where ({r.nk}) in (
        select {l.landed_nk}
        from {landing} as l
    )
)

-- name: lost
select
    {entity} as entity,
    exists (
        select 1
        from {landing} as l
        where l._deleted_at is not null
    ) as lost
