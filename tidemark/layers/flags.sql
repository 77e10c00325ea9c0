-- Rows that a flag deletes.

-- A flag that is null deletes nothing. The expression of area.yml stands on lines of its own, since it
-- may end in a comment.
-- name: deleted_at
case
    when _deleted_at is null and (
        {flag}
    ) then least({since}, _extracted_at)
    else _deleted_at
end as _deleted_at

-- name: check
select 1
from (
    select {columns}
    from {view}
) as v
where
    false
    and (
        {flag}
    )
