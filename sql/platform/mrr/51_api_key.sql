-- Keys with which applications call the service.
create table tidemark.api_key (
    name text not null,
    digest text not null,
    scopes text[] not null,
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz,
    constraint api_key_pkey primary key (name),
    constraint api_key_is_of_one_name unique (digest),
    constraint api_key_digest_is_a_sha256 check (digest ~ '^[0-9a-f]{64}$'),
    constraint api_key_is_for_something check (cardinality(scopes) > 0)
);

-- Who looks at MRR needs no digests.
revoke all on tidemark.api_key from tidemark_reader;

comment on table tidemark.api_key is
'One row per key that was ever made: its SHA-256 and never the key, which has 256 random bits. A
revoked key stays, so that no other one gets its name.';
comment on column tidemark.api_key.scopes is
'What it may do: post events of a kind (AREA.KIND), of an area (AREA.*) or of all (*), and read
answers of an area (read:AREA) or of all (read:*).';
