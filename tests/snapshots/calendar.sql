-- add_years
select tidemark.add_years_to_dim_date(:years::int[], :holidays::jsonb);

-- years
select distinct year::int from dwh_dim_date where year is not null;
