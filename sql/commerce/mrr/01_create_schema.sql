-- The files as they came: the columns of their headers, as text, and where each row stood.
-- create_mirror adds the lineage columns, the key and the history table.

create table commerce.mrr_customers (
    customer_id text not null,
    first_name text,
    last_name text,
    email text,
    phone text,
    city text,
    state text,
    country text,
    segment text,
    _file text,
    _line bigint
);

comment on table commerce.mrr_customers is 'One row per customer, as a file last showed it.';
select tidemark.create_mirror('commerce.mrr_customers', array['customer_id']);

create table commerce.mrr_products (
    product_id text not null,
    product_name text,
    category text,
    sub_category text,
    brand text,
    unit_price text,
    status text,
    _file text,
    _line bigint
);

comment on table commerce.mrr_products is 'One row per product, as a file last showed it.';
select tidemark.create_mirror('commerce.mrr_products', array['product_id']);

create table commerce.mrr_orders (
    order_id text not null,
    customer_id text,
    order_date text,
    channel text,
    total_amount text,
    status text,
    _file text,
    _line bigint
);

comment on table commerce.mrr_orders is 'One row per order, as a file last showed it.';
select tidemark.create_mirror('commerce.mrr_orders', array['order_id']);

create table commerce.mrr_order_lines (
    order_line_id text not null,
    order_id text,
    product_id text,
    quantity text,
    unit_price text,
    discount_amount text,
    _file text,
    _line bigint
);

comment on table commerce.mrr_order_lines is 'One row per order line, as a file last showed it.';
select tidemark.create_mirror('commerce.mrr_order_lines', array['order_line_id']);

create table commerce.mrr_payments (
    payment_id text not null,
    order_id text,
    payment_date text,
    payment_method text,
    payment_status text,
    payment_amount text,
    _file text,
    _line bigint
);

comment on table commerce.mrr_payments is 'One row per payment, as a file last showed it.';
select tidemark.create_mirror('commerce.mrr_payments', array['payment_id']);
