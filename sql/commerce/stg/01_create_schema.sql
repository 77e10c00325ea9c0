-- What orders are derived from is looked up by order. All other tables here are made by Tidemark.

create table commerce.stg_order_lines (
    order_line_id text not null,
    order_id text,
    product_id text,
    quantity integer not null,
    unit_price numeric(14, 2) not null,
    discount_amount numeric(14, 2) not null,
    net_amount numeric(14, 2) not null
);

comment on table commerce.stg_order_lines is
'One row per order line: its last version that passed cleansing.';
select tidemark.create_mirror('commerce.stg_order_lines', array['order_line_id']);
create index stg_order_lines_order_id_idx on commerce.stg_order_lines (order_id);

create table commerce.stg_payments (
    payment_id text not null,
    order_id text,
    payment_date date not null,
    payment_method text,
    payment_status text not null,
    payment_amount numeric(14, 2) not null
);

comment on table commerce.stg_payments is
'One row per payment: its last version that passed cleansing.';
select tidemark.create_mirror('commerce.stg_payments', array['payment_id']);
create index stg_payments_order_id_idx on commerce.stg_payments (order_id);
