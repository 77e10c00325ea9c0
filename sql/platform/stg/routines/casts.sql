-- Texts of files as values of other types, or null where they are none: so a view tells what is
-- wrong with a row. Blanks around a value are left out. On their form see cleansing.sql. The
-- planner computes the cast of a constant, unless it can answer the test in front of it and finds
-- no need for the cast: so a test is as immutable as its cast.

-- A whole number.
--
-- returns  null for null, for what is none, and for one that is too large for an integer
-- repeat   safe
create or replace function tidemark.try_integer(p_text text)
returns integer
language sql
immutable
parallel safe
return case
    when p_text !~ '^\s*[+-]?0*[0-9]{1,10}\s*$' then null
    when p_text::bigint between -2147483648 and 2147483647 then p_text::bigint::integer
end;

-- An amount of money: at most two decimals, and below 10^12.
--
-- returns  null for null, and for what is none
-- repeat   safe
create or replace function tidemark.try_money(p_text text)
returns numeric
language sql
immutable
parallel safe
return case
    when p_text ~ '^\s*[+-]?[0-9]{1,12}(\.[0-9]{0,2})?\s*$' then p_text::numeric(14, 2)
end;

-- A date as ISO 8601 writes it: 2025-12-06. It does not depend on DateStyle, and `today` is none.
--
-- returns  null for null, and for what is none, such as 2025-02-30
-- repeat   safe
create or replace function tidemark.try_date(p_text text)
returns date
language sql
stable
parallel safe
return case
    when p_text ~ '^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$' and pg_input_is_valid(p_text, 'date')
        then p_text::date
end;
