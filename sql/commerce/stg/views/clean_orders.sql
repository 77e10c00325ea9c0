drop view if exists landing_commerce.clean_orders, landing_commerce.orders_typed;

create view landing_commerce.orders_typed with (security_barrier) as
select
    l.order_id,
    tidemark.clean_text(l.customer_id) as customer_id,
    l.order_date as date_text,
    tidemark.try_date(l.order_date) as order_date,
    upper(tidemark.clean_text(l.channel)) as channel,
    l.total_amount as total_text,
    tidemark.try_money(l.total_amount) as total_amount,
    upper(tidemark.clean_text(l.status)) as order_status,
    tidemark.try_date(substring(l._file from '[0-9]{4}-[0-9]{2}-[0-9]{2}')) as dropped_on,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_commerce.orders as l;

comment on view landing_commerce.orders_typed is
'One row per version of an order in landing_commerce.orders: its columns with their types, and
the date of its drop.';

create view landing_commerce.clean_orders as
select
    o.order_id,
    o.customer_id,
    o.order_date,
    o.channel,
    o.total_amount::numeric(14, 2) as total_amount,
    o.order_status,
    o.dropped_on,
    o._batch_id,
    o._seq,
    o._first_batch_id,
    o._extracted_at,
    o._deleted_at,
    array_remove(
        array[
            case
                when o.date_text is null then 'order_date is missing'
                when o.order_date is null then 'order_date is not a date'
                when o.order_date < '1900-01-01' then 'order_date is before 1900'
                when o.order_date > o.dropped_on then 'order_date is after the date of its drop'
            end,
            case
                when o.total_text is null then 'total_amount is missing'
                when o.total_amount is null then 'total_amount is not an amount'
                when o.total_amount < 0 then 'total_amount is negative'
            end,
            case
                when o.order_status is null then 'status is missing'
                when o.order_status not in ('PLACED', 'SHIPPED', 'DELIVERED', 'CANCELLED')
                    then 'status is unknown'
            end
        ],
        null
    ) as reject_reasons
from landing_commerce.orders_typed as o;

comment on view landing_commerce.clean_orders is
'One row per version of an order in landing_commerce.orders: the columns of STG and every reason to
refuse it.';
