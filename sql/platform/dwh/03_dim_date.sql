-- Only the date and the holiday's name are written; all the rest follows from the date, so no row
-- can contradict itself, and the English names do not depend on lc_time.

create table dwh_dim_date (
    date_key integer not null generated always as (
        (
            extract(year from full_date) * 10000
            + extract(month from full_date) * 100
            + extract(day from full_date)
        )::integer
    ) stored,
    full_date date not null,
    year smallint not null generated always as (extract(year from full_date)::smallint) stored,
    quarter smallint not null generated always as (
        extract(quarter from full_date)::smallint
    ) stored,
    month smallint not null generated always as (extract(month from full_date)::smallint) stored,
    month_name text not null generated always as ((array[
        'January', 'February', 'March', 'April', 'May', 'June',
        'July', 'August', 'September', 'October', 'November', 'December'
    ])[extract(month from full_date)::integer]) stored,
    week smallint not null generated always as (extract(week from full_date)::smallint) stored,
    iso_year smallint not null generated always as (
        extract(isoyear from full_date)::smallint
    ) stored,
    day_of_month smallint not null generated always as (
        extract(day from full_date)::smallint
    ) stored,
    day_of_week smallint not null generated always as (
        extract(isodow from full_date)::smallint
    ) stored,
    day_name text not null generated always as ((array[
        'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'
    ])[extract(isodow from full_date)::integer]) stored,
    day_of_year smallint not null generated always as (
        extract(doy from full_date)::smallint
    ) stored,
    is_weekend boolean not null generated always as (
        extract(isodow from full_date) in (6, 7)
    ) stored,
    is_holiday boolean not null generated always as (holiday_name is not null) stored,
    holiday_name text,
    constraint dwh_dim_date_pkey primary key (date_key),
    constraint dwh_dim_date_one_row_per_date unique (full_date)
);

comment on table dwh_dim_date is
'One row per calendar date (UTC) of every year that occurs in a fact. Filled by
tidemark.add_years_to_dim_date.';
comment on column dwh_dim_date.date_key is 'The date as the number yyyymmdd.';
comment on column dwh_dim_date.week is 'ISO 8601 week, 1 to 53; it belongs to iso_year.';
comment on column dwh_dim_date.iso_year is
'Year of the ISO week: 2027-01-01 is in week 53 of 2026.';
comment on column dwh_dim_date.day_of_week is 'ISO 8601: 1 is Monday, 7 is Sunday.';
comment on column dwh_dim_date.holiday_name is
'Public holiday in the country of the area''s calendar, null on other days.';
