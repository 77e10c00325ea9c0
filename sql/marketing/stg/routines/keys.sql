-- The number of a customer, whichever file writes it: 001001 among the customers, 1001 in events.
--
-- returns  null for null, and for what is no whole number of at most 18 digits
-- repeat   safe
create or replace function marketing.customer_number(p_text text)
returns bigint
language sql
immutable
parallel safe
return case when p_text ~ '^\s*[0-9]{1,18}\s*$' then p_text::bigint end;
