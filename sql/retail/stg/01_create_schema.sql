-- The cleansed layer. The landing tables have the mirror's columns and lineage; the views
-- landing.clean_<entity> (views/) turn them into the columns of the stg_ tables.

create unlogged table landing.customers (
    customer_id bigint,
    name text,
    email text,
    phone text,
    city text,
    country text,
    segment text,
    created_at timestamptz,
    updated_at timestamptz,
    _batch_id bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

comment on table landing.customers is 'One row per version of a customer on its way into STG.';

create unlogged table landing.products (
    product_id bigint,
    name text,
    product_group text,
    unit_price numeric(12, 2),
    active boolean,
    created_at timestamptz,
    updated_at timestamptz,
    _batch_id bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

comment on table landing.products is 'One row per version of a product on its way into STG.';

create unlogged table landing.sales (
    sale_id bigint,
    customer_id bigint,
    product_id bigint,
    quantity integer,
    unit_price numeric(12, 2),
    discount numeric(5, 4),
    status text,
    transaction_timestamp timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    _batch_id bigint,
    _first_batch_id bigint,
    _extracted_at timestamptz,
    _deleted_at timestamptz
);

comment on table landing.sales is 'One row per version of a sale on its way into STG.';

create table stg_dim_customers (
    customer_id bigint not null,
    customer_name text not null,
    email text,
    phone text,
    city text,
    country text,
    country_code text,
    segment text,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table stg_dim_customers is
'One row per customer: its last version that passed cleansing.';
select tidemark.create_mirror('stg_dim_customers', array['customer_id']);

create table stg_dim_products (
    product_id bigint not null,
    product_name text not null,
    product_group text,
    unit_price numeric(12, 2) not null,
    is_active boolean not null,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table stg_dim_products is 'One row per product: its last version that passed cleansing.';
select tidemark.create_mirror('stg_dim_products', array['product_id']);

create table stg_fact_sales (
    sale_id bigint not null,
    customer_id bigint,
    product_id bigint,
    quantity integer not null,
    unit_price numeric(12, 2) not null,
    discount numeric(5, 4) not null,
    net_amount numeric(14, 2) not null,
    status text not null,
    transaction_timestamp timestamptz not null,
    transaction_date date not null,
    transaction_year smallint not null,
    transaction_month smallint not null,
    transaction_day smallint not null,
    transaction_hour smallint not null,
    created_at timestamptz,
    updated_at timestamptz not null
);

comment on table stg_fact_sales is 'One row per sale: its last version that passed cleansing.';
select tidemark.create_mirror('stg_fact_sales', array['sale_id']);
