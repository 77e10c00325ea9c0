-- Sales in two steps; on the barrier see clean_customers.sql.

drop view if exists landing.clean_sales, landing.sales_computed;

-- Step 1: what the sale comes to, and when it was on the clock of UTC. The instant is null where no
-- sale can have happened: before the first version of any dimension row, or after the row was read,
-- give or take five minutes between two clocks. Time comes from the row, never from now(), so a
-- replay decides the same. It must not be left in, since no calendar holds the date of infinity.
create view landing.sales_computed with (security_barrier) as
select
    l.sale_id,
    l.customer_id,
    l.product_id,
    l.quantity,
    l.unit_price,
    coalesce(l.discount, 0) as discount,
    round(l.quantity * l.unit_price * (1 - coalesce(l.discount, 0)), 2) as net_amount,
    -- Tidied only where it is not one of the usual words already: the rule itself is in step 2.
    case
        when l.status in ('completed', 'pending', 'cancelled', 'returned') then l.status
        else lower(tidemark.clean_text(l.status))
    end as status,
    l.transaction_timestamp,
    case
        when
            l.transaction_timestamp >= '1900-01-01 00:00:00+00'
            and l.transaction_timestamp <= l._extracted_at + interval '5 minutes'
            then l.transaction_timestamp at time zone 'UTC'
    end as transaction_time,
    l.created_at,
    l.updated_at,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing.sales as l;

comment on view landing.sales_computed is
'One row per version of a sale in landing.sales: its net amount and its time in UTC.';

-- Step 2: the columns of stg_fact_sales, and what is wrong with the row.
create view landing.clean_sales as
select
    s.sale_id,
    s.customer_id,
    s.product_id,
    s.quantity,
    s.unit_price,
    case when abs(s.discount) <= 9.9999 then s.discount end::numeric(5, 4) as discount,
    case
        when s.net_amount > -1e12 and s.net_amount < 1e12 then s.net_amount
    end::numeric(14, 2) as net_amount,
    s.status,
    s.transaction_timestamp,
    s.transaction_time::date as transaction_date,
    date_part('year', s.transaction_time)::smallint as transaction_year,
    date_part('month', s.transaction_time)::smallint as transaction_month,
    date_part('day', s.transaction_time)::smallint as transaction_day,
    date_part('hour', s.transaction_time)::smallint as transaction_hour,
    s.created_at,
    s.updated_at,
    s._batch_id,
    s._seq,
    s._first_batch_id,
    s._extracted_at,
    s._deleted_at,
    array_remove(
        array[
            case when s.quantity is null then 'quantity is missing' end,
            case when s.quantity <= 0 then 'quantity is not positive' end,
            case when s.unit_price is null then 'unit_price is missing' end,
            case when s.unit_price = 'NaN' then 'unit_price is not a number' end,
            case when s.unit_price < 0 then 'unit_price is negative' end,
            case
                when s.discount not between 0 and 1 then 'discount is not between 0 and 1'
            end,
            case
                when s.net_amount >= 1e12 and s.net_amount <> 'NaN' then 'net_amount is too large'
            end,
            case when s.status is null then 'status is missing' end,
            case
                when s.status not in ('completed', 'pending', 'cancelled', 'returned')
                    then 'status is unknown'
            end,
            case
                when s.transaction_timestamp is null then 'transaction_timestamp is missing'
                when s.transaction_time is not null then null
                when s.transaction_timestamp < '1900-01-01 00:00:00+00'
                    then 'transaction_timestamp is before 1900'
                else 'transaction_timestamp is in the future'
            end
        ],
        null
    ) as reject_reasons
from landing.sales_computed as s;

comment on view landing.clean_sales is
'One row per version of a sale in landing.sales: the columns of stg_fact_sales and every reason to
refuse it. Rules: docs/cleansing.md.';
