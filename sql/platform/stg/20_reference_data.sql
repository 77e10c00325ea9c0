-- Reference tables of cleansing, for the views of any area. Their rows come from
-- routines/reference_data.sql, which replaces them whenever the libraries behind it know better.

create table tidemark.ref_countries (
    country_code text not null,
    country text not null,
    constraint ref_countries_pkey primary key (country_code),
    constraint ref_countries_one_code_per_name unique (country),
    constraint ref_countries_code_is_alpha_2 check (country_code ~ '^[A-Z]{2}$')
);

comment on table tidemark.ref_countries is
'One row per country of ISO 3166-1, with its name there.';

create table tidemark.ref_country_aliases (
    alias text not null,
    country_code text not null,
    constraint ref_country_aliases_pkey primary key (alias),
    constraint ref_country_aliases_country_exists
    foreign key (country_code) references tidemark.ref_countries (country_code),
    constraint ref_country_aliases_alias_is_a_key check (alias ~ '^[a-z0-9]+$')
);

create index ref_country_aliases_country_code_idx on tidemark.ref_country_aliases (country_code);

comment on table tidemark.ref_country_aliases is
'One row per way to write a country: codes, names, official and everyday names, each as
lookup_key() makes it (unitedkingdom, gb, gbr, uk).';

create table tidemark.ref_calling_codes (
    region text not null,
    calling_code text not null,
    is_main boolean not null,
    international_prefix text,
    trunk_prefix text,
    possible_lengths integer[] not null,
    national_pattern text not null,
    constraint ref_calling_codes_pkey primary key (region),
    constraint ref_calling_codes_code_has_1_to_3_digits check (calling_code ~ '^[1-9][0-9]{0,2}$'),
    constraint ref_calling_codes_prefixes_are_digits
    check (international_prefix ~ '^[0-9]+$' and trunk_prefix ~ '^[0-9]+$'),
    constraint ref_calling_codes_has_a_length check (cardinality(possible_lengths) > 0)
);

create unique index ref_calling_codes_one_main_region_per_code
on tidemark.ref_calling_codes (calling_code) where is_main;

comment on table tidemark.ref_calling_codes is
'One row per region with a telephone numbering plan: an alpha-2 code, or +800 and the like for a
worldwide service. is_main: the one whose plan counts for calls from abroad, where several regions
share a calling code. possible_lengths: of a number without its prefixes.';
comment on column tidemark.ref_calling_codes.international_prefix is
'Dialled in the region before a foreign calling code (00); null: none without a carrier code.';
comment on column tidemark.ref_calling_codes.trunk_prefix is
'Dialled before a national number in the region and dropped in E.164 (0); null: none.';
comment on column tidemark.ref_calling_codes.national_pattern is
'Anchored pattern of the national numbers; it tells 49 as a calling code from 49 as an area code.';
