-- The first page of the console.

-- name: answer
select true
