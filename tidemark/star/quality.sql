-- Gates.

-- name: violations
select count(*) from ({query}) as violation
