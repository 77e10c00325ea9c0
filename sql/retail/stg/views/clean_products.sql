-- Products in two steps; on the barrier see clean_customers.sql.

drop view if exists landing.clean_products, landing.products_trimmed;

create view landing.products_trimmed with (security_barrier) as
select
    l.product_id,
    tidemark.clean_text(l.name) as product_name,
    tidemark.clean_text(l.product_group) as product_group,
    l.unit_price,
    l.active,
    l.created_at,
    l.updated_at,
    l._batch_id,
    l._seq,
    l._first_batch_id,
    l._extracted_at,
    l._deleted_at
from landing.products as l;

comment on view landing.products_trimmed is
'One row per version of a product in landing.products: its texts without stray blanks.';

-- A product's name keeps its case, which may be part of it (iPhone, USB-C, LEGO).
create view landing.clean_products as
select
    p.product_id,
    p.product_name,
    tidemark.proper_case(p.product_group) as product_group,
    p.unit_price,
    coalesce(p.active, true) as is_active,
    p.created_at,
    p.updated_at,
    p._batch_id,
    p._seq,
    p._first_batch_id,
    p._extracted_at,
    p._deleted_at,
    array_remove(
        array[
            case when p.product_name is null then 'name is missing' end,
            case when p.unit_price is null then 'unit_price is missing' end,
            case when p.unit_price = 'NaN' then 'unit_price is not a number' end,
            case when p.unit_price < 0 then 'unit_price is negative' end
        ],
        null
    ) as reject_reasons
from landing.products_trimmed as p;

comment on view landing.clean_products is
'One row per version of a product in landing.products: the columns of stg_dim_products and every
reason to refuse it. Rules: docs/cleansing.md.';
