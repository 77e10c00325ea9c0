-- What a session is told.

-- name: become
set session role {role}
