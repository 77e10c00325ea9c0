-- Keys with which applications call the service.

-- name: create
insert into tidemark.api_key (name, digest, scopes)
values (%(name)s, %(digest)s, %(scopes)s::text[])
on conflict (name) do nothing
returning created_at

-- name: every
select
    k.name,
    k.scopes,
    k.created_at,
    k.revoked_at
from tidemark.api_key as k
order by k.created_at, k.name

-- name: revoke
update tidemark.api_key as k
set revoked_at = coalesce(k.revoked_at, clock_timestamp())
where k.name = %(name)s

-- name: find
select
    k.name,
    k.digest,
    k.scopes
from tidemark.api_key as k
where k.digest = %(digest)s and k.revoked_at is null
