-- The raw mirror: the source's columns as they are. create_mirror adds the lineage columns
-- (_batch_id, _first_batch_id, _extracted_at, _deleted_at), the key and the history table.

create table mrr_dim_customers (
    customer_id bigint not null,
    name text,
    email text,
    phone text,
    city text,
    country text,
    segment text,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table mrr_dim_customers is 'One row per customer, as the source last showed it.';
select tidemark.create_mirror('mrr_dim_customers', array['customer_id']);

create table mrr_dim_products (
    product_id bigint not null,
    name text,
    product_group text,
    unit_price numeric(12, 2),
    active boolean,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table mrr_dim_products is 'One row per product, as the source last showed it.';
select tidemark.create_mirror('mrr_dim_products', array['product_id']);

create table mrr_fact_sales (
    sale_id bigint not null,
    customer_id bigint,
    product_id bigint,
    quantity integer,
    unit_price numeric(12, 2),
    discount numeric(5, 4),
    status text,
    transaction_timestamp timestamptz,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table mrr_fact_sales is 'One row per sale, as the source last showed it.';
select tidemark.create_mirror('mrr_fact_sales', array['sale_id']);
