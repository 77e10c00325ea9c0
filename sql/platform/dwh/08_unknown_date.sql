-- Row 0 is the unknown date: no date, and nothing that follows from one. The key can't be generated
-- for it, so it is checked instead.
alter table dwh_dim_date
alter column date_key drop expression,
alter column full_date drop not null,
alter column year drop not null,
alter column quarter drop not null,
alter column month drop not null,
alter column month_name drop not null,
alter column week drop not null,
alter column iso_year drop not null,
alter column day_of_month drop not null,
alter column day_of_week drop not null,
alter column day_name drop not null,
alter column day_of_year drop not null,
alter column is_weekend drop not null,
add constraint dwh_dim_date_key_is_the_date check (
    date_key = coalesce(
        (
            extract(year from full_date) * 10000
            + extract(month from full_date) * 100
            + extract(day from full_date)
        )::integer,
        0
    )
);

insert into dwh_dim_date (date_key, full_date) values (0, null);

comment on table dwh_dim_date is
'One row per calendar date (UTC) of every year that occurs in a fact, and row 0: the unknown date.
Filled by tidemark.add_years_to_dim_date.';
comment on column dwh_dim_date.date_key is 'The date as the number yyyymmdd; 0 without a date.';
comment on column dwh_dim_date.full_date is 'Null in row 0, as all that follows from the date.';
comment on column dwh_dim_date.is_holiday is 'False in row 0: nobody knows of a holiday.';
comment on column dwh_dim_date.holiday_name is
'Public holiday in the country of sql/project.yml, null on other days.';
