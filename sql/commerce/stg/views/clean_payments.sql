drop view if exists landing_commerce.clean_payments, landing_commerce.payments_typed;

create view landing_commerce.payments_typed with (security_barrier) as
select
    l.payment_id,
    tidemark.clean_text(l.order_id) as order_id,
    l.payment_date as date_text,
    tidemark.try_date(l.payment_date) as payment_date,
    upper(tidemark.clean_text(l.payment_method)) as payment_method,
    upper(tidemark.clean_text(l.payment_status)) as payment_status,
    l.payment_amount as amount_text,
    tidemark.try_money(l.payment_amount) as payment_amount,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_commerce.payments as l;

comment on view landing_commerce.payments_typed is
'One row per version of a payment in landing_commerce.payments: its columns with their types.';

create view landing_commerce.clean_payments as
select
    p.payment_id,
    p.order_id,
    p.payment_date,
    p.payment_method,
    p.payment_status,
    p.payment_amount::numeric(14, 2) as payment_amount,
    p._batch_id,
    p._seq,
    p._first_batch_id,
    p._extracted_at,
    p._deleted_at,
    array_remove(
        array[
            case when p.order_id is null then 'order_id is missing' end,
            case
                when p.date_text is null then 'payment_date is missing'
                when p.payment_date is null then 'payment_date is not a date'
                when p.payment_date < '1900-01-01' then 'payment_date is before 1900'
            end,
            case
                when p.payment_status is null then 'payment_status is missing'
                when p.payment_status not in ('SUCCESS', 'PENDING', 'FAILED')
                    then 'payment_status is unknown'
            end,
            case
                when p.amount_text is null then 'payment_amount is missing'
                when p.payment_amount is null then 'payment_amount is not an amount'
                when p.payment_amount < 0 then 'payment_amount is negative'
            end
        ],
        null
    ) as reject_reasons
from landing_commerce.payments_typed as p;

comment on view landing_commerce.clean_payments is
'One row per version of a payment in landing_commerce.payments: the columns of STG and every reason
to refuse it.';
