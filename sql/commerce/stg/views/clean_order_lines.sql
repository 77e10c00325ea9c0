drop view if exists landing_commerce.clean_order_lines, landing_commerce.order_lines_typed;

create view landing_commerce.order_lines_typed with (security_barrier) as
select
    l.order_line_id,
    tidemark.clean_text(l.order_id) as order_id,
    tidemark.clean_text(l.product_id) as product_id,
    l.quantity as quantity_text,
    tidemark.try_integer(l.quantity) as quantity,
    l.unit_price as price_text,
    tidemark.try_money(l.unit_price) as unit_price,
    l.discount_amount as discount_text,
    tidemark.try_money(coalesce(l.discount_amount, '0')) as discount_amount,
    tidemark.try_integer(l.quantity) * tidemark.try_money(l.unit_price) as gross_amount,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_commerce.order_lines as l;

comment on view landing_commerce.order_lines_typed is
'One row per version of an order line in landing_commerce.order_lines: its columns with their
types.';

create view landing_commerce.clean_order_lines as
select
    l.order_line_id,
    l.order_id,
    l.product_id,
    l.quantity,
    l.unit_price::numeric(14, 2) as unit_price,
    l.discount_amount::numeric(14, 2) as discount_amount,
    case
        when l.gross_amount - l.discount_amount between -1e11 and 1e11
            then l.gross_amount - l.discount_amount
    end::numeric(14, 2) as net_amount,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at,
    array_remove(
        array[
            case when l.order_id is null then 'order_id is missing' end,
            case
                when l.quantity_text is null then 'quantity is missing'
                when l.quantity is null then 'quantity is not a whole number'
                when l.quantity <= 0 then 'quantity is not positive'
            end,
            case
                when l.price_text is null then 'unit_price is missing'
                when l.unit_price is null then 'unit_price is not an amount'
                when l.unit_price < 0 then 'unit_price is negative'
            end,
            case
                when l.discount_amount is null then 'discount_amount is not an amount'
                when l.discount_amount < 0 then 'discount_amount is negative'
                when l.quantity > 0 and l.discount_amount > l.gross_amount
                    then 'discount_amount is more than the line comes to'
            end,
            case when l.gross_amount > 1e11 then 'the line comes to too much' end
        ],
        null
    ) as reject_reasons
from landing_commerce.order_lines_typed as l;

comment on view landing_commerce.clean_order_lines is
'One row per version of an order line in landing_commerce.order_lines: the columns of STG and every
reason to refuse it.';
