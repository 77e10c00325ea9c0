-- Data-quality gates.

-- name: violations
select count(*) from ({query}) as violation
