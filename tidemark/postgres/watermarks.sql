-- Numbers of a sequence as watermarks.

-- A sequence is read as it is now, whatever the snapshot.
-- name: undrawn
(select s.last_value + 1 from {sequence} as s)
