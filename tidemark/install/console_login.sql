-- The login with which the console reads the layers.

-- name: is_there
select to_regrole(%(role)s) is not null

-- name: let_in
alter role {role} login password {password}
