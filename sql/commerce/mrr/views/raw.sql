-- The raw tables by the names of the shop's people, with the lineage as they call it: the
-- mirrors keep it in columns that every area has.

create or replace view commerce.customers as
select
    m.customer_id,
    m.first_name,
    m.last_name,
    m.email,
    m.phone,
    m.city,
    m.state,
    m.country,
    m.segment,
    m._extracted_at as ingestion_timestamp,
    m._batch_id as batch_id,
    'drops' as source_system,
    m._file as source_filename
from commerce.mrr_customers as m
where m._deleted_at is null;

comment on view commerce.customers is
'One row per customer, as a file last showed it; batch and file are those that did.';

create or replace view commerce.products as
select
    m.product_id,
    m.product_name,
    m.category,
    m.sub_category,
    m.brand,
    m.unit_price,
    m.status,
    m._extracted_at as ingestion_timestamp,
    m._batch_id as batch_id,
    'drops' as source_system,
    m._file as source_filename
from commerce.mrr_products as m
where m._deleted_at is null;

comment on view commerce.products is
'One row per product, as a file last showed it; batch and file are those that did.';

create or replace view commerce.orders as
select
    m.order_id,
    m.customer_id,
    m.order_date,
    m.channel,
    m.total_amount,
    m.status,
    m._extracted_at as ingestion_timestamp,
    m._batch_id as batch_id,
    'drops' as source_system,
    m._file as source_filename
from commerce.mrr_orders as m
where m._deleted_at is null;

comment on view commerce.orders is
'One row per order, as a file last showed it; batch and file are those that did.';

create or replace view commerce.order_lines as
select
    m.order_line_id,
    m.order_id,
    m.product_id,
    m.quantity,
    m.unit_price,
    m.discount_amount,
    m._extracted_at as ingestion_timestamp,
    m._batch_id as batch_id,
    'drops' as source_system,
    m._file as source_filename
from commerce.mrr_order_lines as m
where m._deleted_at is null;

comment on view commerce.order_lines is
'One row per order line, as a file last showed it; batch and file are those that did.';

create or replace view commerce.payments as
select
    m.payment_id,
    m.order_id,
    m.payment_date,
    m.payment_method,
    m.payment_status,
    m.payment_amount,
    m._extracted_at as ingestion_timestamp,
    m._batch_id as batch_id,
    'drops' as source_system,
    m._file as source_filename
from commerce.mrr_payments as m
where m._deleted_at is null;

comment on view commerce.payments is
'One row per payment, as a file last showed it; batch and file are those that did.';
