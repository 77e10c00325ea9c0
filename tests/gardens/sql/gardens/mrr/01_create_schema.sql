create type weed as enum ('dandelion', 'nettle');

create table mrr_beds (
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
select tidemark.create_mirror('mrr_beds', array['Garden', 'Bed N"o']);

create table mrr_waterings (
    "Id" uuid,
    "Garden" text,
    "Bed N""o" integer,
    "Litres" real,
    "At" timestamptz
);
select tidemark.create_mirror('mrr_waterings', array['Id']);
