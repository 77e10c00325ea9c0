-- Countries, by the many ways to write them. A view of many rows rather joins the tables once for
-- each way, as retail's landing.customer_countries does.

-- The alpha-2 code of a country, however it is written: UK, gbr, Great Britain.
--
-- reads    tidemark.ref_country_aliases
-- returns  null for null, and for what is no country
-- repeat   safe
create or replace function tidemark.country_code(p_country text)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
return (
    select a.country_code
    from (select tidemark.lookup_key(tidemark.clean_text(p_country)) as alias) as w
    inner join tidemark.ref_country_aliases as a on w.alias = a.alias
);

-- The name of a country in ISO 3166, however it is written.
--
-- reads    tidemark.ref_countries, tidemark.ref_country_aliases
-- returns  null for null, and for what is no country
-- repeat   safe
create or replace function tidemark.country_name(p_country text)
returns text
language sql
stable
parallel safe
set search_path = pg_catalog, pg_temp
return (
    select c.country
    from (select tidemark.country_code(p_country) as country_code) as w
    inner join tidemark.ref_countries as c on w.country_code = c.country_code
);
