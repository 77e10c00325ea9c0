-- The date dimension.

-- name: years
select distinct year::int
from dwh_dim_date
where year is not null

-- name: add_years
select tidemark.add_years_to_dim_date(%(years)s::int[], %(holidays)s::jsonb)
