-- columns
select
    a.attname,
    pg_catalog.array_position(k.conkey, a.attnum) as place
from pg_catalog.pg_attribute as a
left join pg_catalog.pg_constraint as k on a.attrelid = k.conrelid and k.contype = 'p'
where
    a.attrelid = '"public"."dwh_dim_customers"'::pg_catalog.regclass
    and a.attnum > 0
    and not a.attisdropped
order by a.attnum;

-- page
select
    t.customer_key,
    t.customer_id,
    t.customer_name,
    t.email,
    t.phone,
    t.city,
    t.country,
    t.country_code,
    t.segment,
    t.valid_from,
    t.valid_to,
    t.is_current,
    t.is_deleted,
    t.is_inferred,
    t.changed_at,
    t._batch_id,
    t._seq,
    t._deleted_batch_id,
    t._deleted_seq
from public.dwh_dim_customers as t
where (
t.city = 'Oslo'
)
order by t.customer_key
limit 10 offset 0;

-- page
select
    t.sale_key,
    t.original_sale_id,
    t.date_key,
    t.customer_key,
    t.customer_id,
    t.customer_name,
    t.city,
    t.country,
    t.segment,
    t.product_key,
    t.product_id,
    t.product_name,
    t.product_group,
    t.quantity,
    t.unit_price,
    t.discount,
    t.net_amount,
    t.status,
    t.transaction_date,
    t.transaction_timestamp
from public.vw_sales as t
where (
t.quantity is null
)

limit 10 offset 0;
