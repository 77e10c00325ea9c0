-- Two questions in one statement.

-- name: both
select
    (select json_agg(f) from ({first}) as f) as first,
    (select json_agg(s) from ({second}) as s) as second
