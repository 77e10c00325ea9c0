create schema "Park & Co";
create type weed as enum ('dandelion', 'nettle');
create type "Soil" as enum ('clay', 'loam', 'sand');

create table "Park & Co"."Beds" (
    "Garden" text,
    "Bed N""o" integer,
    "Soil" "Soil",
    "100% {Shade}" numeric,
    "Gardener" varchar(20),
    "Tags" text[],
    "Weeds" weed[],
    "Notes" jsonb,
    "Plan" bytea,
    "Changed At" timestamptz not null default now(),
    primary key ("Garden", "Bed N""o")
);

create table "Park & Co"."Waterings" (
    "Id" uuid primary key default gen_random_uuid(),
    "Garden" text,
    "Bed N""o" integer,
    "Litres" real,
    "At" timestamptz
);

grant usage on schema "Park & Co" to tidemark_etl;
grant select on all tables in schema "Park & Co" to tidemark_etl;
