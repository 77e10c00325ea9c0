-- What a run would move.

-- name: in_window
(
    select *
    from {keys}
    where {watermark} >= coalesce({low}, '-infinity'::timestamptz) and {watermark} < {high}
)
