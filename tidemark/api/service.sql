-- The service as a whole.

-- name: has_inbox
select to_regclass('tidemark.inbox') is not null and to_regclass('tidemark.api_key') is not null
