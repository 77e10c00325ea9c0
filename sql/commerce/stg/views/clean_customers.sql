-- Customers in two steps. The first is a security barrier so that each of its columns is computed
-- once, as in retail's clean_customers.sql.

drop view if exists landing_commerce.clean_customers, landing_commerce.customers_typed;

create view landing_commerce.customers_typed with (security_barrier) as
select
    l.customer_id,
    tidemark.proper_case(tidemark.clean_text(l.first_name)) as first_name,
    tidemark.proper_case(tidemark.clean_text(l.last_name)) as last_name,
    tidemark.clean_text(lower(l.email)) as email,
    l.phone,
    tidemark.proper_case(tidemark.clean_text(l.city)) as city,
    tidemark.clean_text(l.state) as state,
    tidemark.clean_text(l.country) as spelling,
    tidemark.country_code(l.country) as country_code,
    tidemark.clean_text(l.segment) as segment,
    tidemark.try_date(substring(l._file from '[0-9]{4}-[0-9]{2}-[0-9]{2}')) as dropped_on,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_commerce.customers as l;

comment on view landing_commerce.customers_typed is
'One row per version of a customer in landing_commerce.customers: its texts without stray blanks,
and the date of its drop.';

create view landing_commerce.clean_customers as
select
    c.customer_id,
    c.first_name,
    c.last_name,
    concat_ws(' ', c.first_name, c.last_name) as customer_name,
    c.email,
    tidemark.phone_number(c.phone, c.country_code) as phone,
    c.city,
    c.state,
    tidemark.country_name(c.country_code) as country,
    c.segment,
    c.dropped_on,
    c._batch_id,
    c._seq,
    c._first_batch_id,
    c._extracted_at,
    c._deleted_at,
    array_remove(
        array[
            case
                when num_nonnulls(c.first_name, c.last_name) = 0 then 'name is missing'
            end,
            case when not tidemark.is_email(c.email) then 'email is not an address' end,
            case
                when c.spelling is not null and c.country_code is null then 'country is unknown'
            end,
            case
                when c.segment not in ('Retail', 'Corporate', 'SME') then 'segment is unknown'
            end
        ],
        null
    ) as reject_reasons
from landing_commerce.customers_typed as c;

comment on view landing_commerce.clean_customers is
'One row per version of a customer in landing_commerce.customers: the columns of STG and every
reason to refuse it.';
