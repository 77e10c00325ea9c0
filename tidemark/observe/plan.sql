-- What a run would move.

-- name: in_window
(
    select *
    from {keys}
    where {condition}
)
