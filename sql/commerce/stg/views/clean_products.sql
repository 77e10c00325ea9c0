drop view if exists landing_commerce.clean_products, landing_commerce.products_typed;

create view landing_commerce.products_typed with (security_barrier) as
select
    l.product_id,
    tidemark.clean_text(l.product_name) as product_name,
    tidemark.proper_case(tidemark.clean_text(l.category)) as category,
    tidemark.proper_case(tidemark.clean_text(l.sub_category)) as sub_category,
    tidemark.clean_text(l.brand) as brand,
    l.unit_price,
    tidemark.try_money(l.unit_price) as price,
    upper(tidemark.clean_text(l.status)) as status,
    tidemark.try_date(substring(l._file from '[0-9]{4}-[0-9]{2}-[0-9]{2}')) as dropped_on,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing_commerce.products as l;

comment on view landing_commerce.products_typed is
'One row per version of a product in landing_commerce.products: its columns with their types, and
the date of its drop.';

create view landing_commerce.clean_products as
select
    p.product_id,
    p.product_name,
    p.category,
    p.sub_category,
    p.brand,
    p.price::numeric(14, 2) as unit_price,
    p.status,
    p.dropped_on,
    p._batch_id,
    p._seq,
    p._first_batch_id,
    p._extracted_at,
    p._deleted_at,
    array_remove(
        array[
            case when p.product_name is null then 'product_name is missing' end,
            case
                when p.unit_price is null then 'unit_price is missing'
                when p.price is null then 'unit_price is not an amount'
                when p.price < 0 then 'unit_price is negative'
            end,
            case
                when p.status is null then 'status is missing'
                when p.status not in ('ACTIVE', 'DISCONTINUED') then 'status is unknown'
            end
        ],
        null
    ) as reject_reasons
from landing_commerce.products_typed as p;

comment on view landing_commerce.clean_products is
'One row per version of a product in landing_commerce.products: the columns of STG and every reason
to refuse it.';
