-- Customers in two steps. The first is a security barrier so that each of its columns is computed
-- once, as in retail's clean_customers.sql.

drop view if exists landing_marketing.clean_customers, landing_marketing.customers_typed;

create view landing_marketing.customers_typed with (security_barrier) as
select
    marketing.customer_number(l.customer_id) as customer_id,
    tidemark.proper_case(tidemark.clean_text(l.first_name)) as first_name,
    tidemark.proper_case(tidemark.clean_text(l.last_name)) as last_name,
    tidemark.clean_text(lower(l.email)) as email,
    tidemark.proper_case(tidemark.clean_text(l.region)) as region,
    l.signup_date as signup_text,
    tidemark.try_date(replace(l.signup_date, '/', '-')) as signup_date,
    tidemark.try_date(substring(l._file from '[0-9]{4}-[0-9]{2}-[0-9]{2}')) as dropped_on,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_marketing.customers as l;

comment on view landing_marketing.customers_typed is
'One row per version of a customer in landing_marketing.customers: its columns with their types, and
the date of its file.';

create view landing_marketing.clean_customers as
select
    c.customer_id,
    c.first_name,
    c.last_name,
    c.email,
    c.region,
    c.signup_date,
    c.dropped_on,
    c._batch_id,
    c._seq,
    c._first_batch_id,
    c._extracted_at,
    c._deleted_at,
    array_remove(
        array[
            case when c.customer_id is null then 'customer_id is not a number' end,
            case when not tidemark.is_email(c.email) then 'email is not an address' end,
            case
                when c.signup_text is not null and c.signup_date is null
                    then 'signup_date is not a date'
                when c.signup_date > c.dropped_on then 'signup_date is after the date of its file'
            end
        ],
        null
    ) as reject_reasons
from landing_marketing.customers_typed as c;

comment on view landing_marketing.clean_customers is
'One row per version of a customer in landing_marketing.customers: the columns of STG and every
reason to refuse it.';
