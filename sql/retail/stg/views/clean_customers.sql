-- Customers in steps. The first ones are security barriers, which has nothing to do with security
-- here: the planner computes each column of a barrier once instead of putting its expression
-- wherever a later step names it, and still passes a filter on _batch_id down.

drop view if exists
landing.clean_customers,
landing.customers_located,
landing.customers_trimmed,
landing.customer_countries;

-- There are few ways to write a country and many customers: each way is looked up once.
create view landing.customer_countries with (security_barrier) as
select
    l.country as spelling,
    c.country,
    c.country_code,
    tidemark.clean_text(l.country) is not null and c.country is null as is_unknown,
    home
from (select distinct country from landing.customers) as l
left join
    tidemark.ref_country_aliases as a
    on tidemark.lookup_key(tidemark.clean_text(l.country)) = a.alias
left join tidemark.ref_countries as c on a.country_code = c.country_code
left join tidemark.ref_calling_codes as home on a.country_code = home.region;

comment on view landing.customer_countries is
'One row per way in which landing.customers writes a country: the country, and how to dial there.';

-- Step 1: texts without stray blanks.
create view landing.customers_trimmed with (security_barrier) as
select
    l.customer_id,
    tidemark.clean_text(l.name) as name,
    tidemark.clean_text(lower(l.email)) as email,
    tidemark.phone_digits(l.phone) as dialled,
    tidemark.clean_text(l.city) as city,
    l.country,
    tidemark.clean_text(l.segment) as segment,
    l.created_at,
    l.updated_at,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing.customers as l;

comment on view landing.customers_trimmed is
'One row per version of a customer in landing.customers: its texts without stray blanks.';

-- Step 2: the country, and the phone number as dialled from abroad.
create view landing.customers_located with (security_barrier) as
select
    t.customer_id,
    t.name,
    t.email,
    t.dialled,
    tidemark.international_number(t.dialled, c.home) as international,
    c.home,
    t.city,
    c.country,
    c.country_code,
    c.is_unknown as is_in_unknown_country,
    t.segment,
    t.created_at,
    t.updated_at,
    t._batch_id,
    t._seq,
    t._first_batch_id,
    t._extracted_at,
    t._deleted_at
from landing.customers_trimmed as t
left join landing.customer_countries as c on t.country = c.spelling;

comment on view landing.customers_located is
'One row per version of a customer in landing.customers: its country and what it takes to dial it.';

-- Step 3: the columns of stg_dim_customers, and what is wrong with the row. A calling code has one
-- main region anyway: `distinct` says so to the planner, which would sort all customers rather than
-- make a hash table of codes, since many regions have code 1.
create view landing.clean_customers as
with abroad as (
    select distinct on (r.calling_code)
        r.calling_code,
        r as region
    from tidemark.ref_calling_codes as r
    where r.is_main
)

select
    c.customer_id,
    tidemark.proper_case(c.name) as customer_name,
    c.email,
    case
        when c.international is null then tidemark.e164(c.dialled, c.home)
        else tidemark.e164(substr(c.international, length(abroad.calling_code) + 1), abroad.region)
    end as phone,
    tidemark.proper_case(c.city) as city,
    c.country,
    c.country_code,
    initcap(c.segment) as segment,
    c.created_at,
    c.updated_at,
    c._batch_id,
    c._seq,
    c._first_batch_id,
    c._extracted_at,
    c._deleted_at,
    array_remove(
        array[
            case when c.name is null then 'name is missing' end,
            case when not tidemark.is_email(c.email) then 'email is not an address' end,
            case when c.is_in_unknown_country then 'country is unknown' end
        ],
        null
    ) as reject_reasons
from landing.customers_located as c
left join abroad on tidemark.calling_code(c.international) = abroad.calling_code;

comment on view landing.clean_customers is
'One row per version of a customer in landing.customers: the columns of stg_dim_customers and every
reason to refuse it. Rules: docs/cleansing.md.';
