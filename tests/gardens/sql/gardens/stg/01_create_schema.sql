create type weed as enum ('dandelion', 'nettle');

create unlogged table landing.beds (
    "Garden" text,
    "Bed N""o" integer,
    "Soil" text,
    "100% {Shade}" numeric,
    "Gardener" varchar(20),
    "Tags" text[],
    "Weeds" weed[],
    "Notes" jsonb,
    "Plan" bytea,
    "Changed At" timestamptz,
    _batch_id bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

create unlogged table landing.waterings (
    "Id" uuid,
    "Garden" text,
    "Bed N""o" integer,
    "Litres" real,
    "At" timestamptz,
    _batch_id bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

create table stg_beds (
    "Garden" text,
    "Bed N""o" integer,
    "Soil" text,
    "100% {Shade}" numeric,
    "Gardener" varchar(20),
    "Tags" text[],
    "Weeds" weed[],
    "Notes" jsonb,
    "Plan" bytea,
    "Changed At" timestamptz
);
select tidemark.create_mirror('stg_beds', array['Garden', 'Bed N"o']);

create table stg_waterings (
    "Id" uuid,
    "Garden" text,
    "Bed N""o" integer,
    "Litres" real,
    "At" timestamptz,
    day date
);
select tidemark.create_mirror('stg_waterings', array['Id']);
