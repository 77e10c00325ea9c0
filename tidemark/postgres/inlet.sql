-- What lands in a table, item by item.

-- name: receive
copy {landing} ({columns}) from stdin ({options values}, format {form})

-- name: save
savepoint item

-- name: back
rollback to savepoint item; release savepoint item

-- name: release
release savepoint item

-- name: number
select setval(pg_get_serial_sequence({landing}, '_seq'), {following}, false)
