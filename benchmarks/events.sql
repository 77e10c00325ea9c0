-- What a person would write in place of the events area: one statement for each table, without
-- history, without rejects and without a second look. It follows the copies of raw_events.sql in
-- one transaction: so no server logs the rows of tables that are new.
--
-- Several lines of one event are one event, the last of which counts; the files came in their order.

analyze events.raw_events;

create table events.stg_events (
    event_id text primary key,
    session_id text,
    event_timestamp timestamptz not null,
    event_type text not null,
    customer_id text,
    email text,
    first_name text,
    last_name text,
    country text,
    order_id text,
    order_status text,
    currency text,
    total_amount numeric(14, 2),
    tax numeric(14, 2),
    shipping numeric(14, 2),
    items jsonb,
    channel text,
    device text
);
insert into events.stg_events
select distinct on (r.event_id)
    r.event_id,
    r.event ->> 'session_id',
    (r.event ->> 'event_timestamp')::timestamptz,
    r.event ->> 'event_type',
    r.event #>> '{customer,customer_id}',
    lower(r.event #>> '{customer,email}'),
    r.event #>> '{customer,first_name}',
    r.event #>> '{customer,last_name}',
    r.event #>> '{customer,country}',
    r.event #>> '{order,order_id}',
    r.event #>> '{order,status}',
    r.event #>> '{order,currency}',
    (r.event #>> '{order,total_amount}')::numeric,
    (r.event #>> '{order,tax}')::numeric,
    (r.event #>> '{order,shipping}')::numeric,
    r.event #> '{order,items}',
    r.event #>> '{session,channel}',
    r.event #>> '{session,device}'
from (
    select
        e.id,
        e.event_data as event,
        e.event_data ->> 'event_id' as event_id
    from events.raw_events as e
    where
        e.event_data ->> 'event_id' is not null
        and case
            -- 'yesterday' is a time, too.
            when
                e.event_data ->> 'event_timestamp' ~ '^[0-9]'
                and pg_input_is_valid(e.event_data ->> 'event_timestamp', 'timestamptz')
                then (e.event_data ->> 'event_timestamp')::timestamptz < now()
        end
        and (
            e.event_data -> 'order' is null
            or (
                pg_input_is_valid(e.event_data #>> '{order,total_amount}', 'numeric')
                and not e.event_data
                    @? '$.order.items[*] ? (!(@.quantity > 0 && @.product.price >= 0))'
            )
        )
) as r
order by r.event_id asc, r.id desc;
create index on events.stg_events (session_id);
create index on events.stg_events (customer_id);
create index on events.stg_events (order_id);
analyze events.stg_events;

create table events.int_session_events (
    session_id text primary key,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    duration_seconds numeric not null,
    event_count integer not null,
    view_count integer not null,
    has_cart boolean not null,
    has_checkout boolean not null,
    is_converted boolean not null,
    customer_id text,
    channel text,
    device text
);
insert into events.int_session_events
select
    e.session_id,
    min(e.event_timestamp),
    max(e.event_timestamp),
    extract(epoch from max(e.event_timestamp) - min(e.event_timestamp)),
    count(*),
    count(*) filter (where e.event_type in ('page_view', 'product_view')),
    bool_or(e.event_type = 'add_to_cart'),
    bool_or(e.event_type = 'checkout_started'),
    coalesce(bool_or(e.order_status = 'placed'), false),
    max(e.customer_id),
    max(e.channel),
    max(e.device)
from events.stg_events as e
where e.session_id is not null
group by e.session_id;

create table events.dim_customers (
    customer_key bigint generated always as identity primary key,
    customer_id text unique,
    email text,
    first_name text,
    last_name text,
    country text
);
insert into events.dim_customers (customer_id, email, first_name, last_name, country)
select distinct on (e.customer_id)
    e.customer_id,
    e.email,
    e.first_name,
    e.last_name,
    e.country
from events.stg_events as e
where e.customer_id is not null
order by e.customer_id asc, e.event_timestamp desc, e.event_id desc;
analyze events.dim_customers;

create table events.fct_orders (
    order_id text primary key,
    ordered_at timestamptz not null,
    order_date_key integer not null,
    order_status text not null,
    is_fulfilled boolean not null,
    customer_key bigint references events.dim_customers,
    customer_id text,
    session_id text,
    channel text,
    device text,
    currency text,
    total_amount numeric(14, 2),
    tax numeric(14, 2),
    shipping numeric(14, 2),
    items jsonb,
    item_count bigint not null,
    items_amount numeric not null,
    placed_at timestamptz,
    fulfilled_at timestamptz,
    cancelled_at timestamptz,
    refunded_at timestamptz,
    updated_at timestamptz not null,
    event_count integer not null
);
insert into events.fct_orders
with last_event as (
    select distinct on (e.order_id) e.*
    from events.stg_events as e
    where e.order_id is not null
    order by e.order_id asc, e.event_timestamp desc, e.event_id desc
),

every_event as (
    select
        e.order_id,
        min(e.event_timestamp) as ordered_at,
        max(e.event_timestamp) as updated_at,
        max(e.session_id) as session_id,
        max(e.channel) as channel,
        max(e.device) as device,
        min(e.event_timestamp) filter (where e.order_status = 'placed') as placed_at,
        min(e.event_timestamp) filter (where e.order_status = 'fulfilled') as fulfilled_at,
        min(e.event_timestamp) filter (where e.order_status = 'cancelled') as cancelled_at,
        min(e.event_timestamp) filter (where e.order_status = 'refunded') as refunded_at,
        count(*) as event_count
    from events.stg_events as e
    where e.order_id is not null
    group by e.order_id
)

select
    l.order_id,
    a.ordered_at,
    to_char(a.ordered_at, 'YYYYMMDD')::integer,
    l.order_status,
    l.order_status = 'fulfilled',
    c.customer_key,
    l.customer_id,
    a.session_id,
    a.channel,
    a.device,
    l.currency,
    l.total_amount,
    l.tax,
    l.shipping,
    l.items,
    i.item_count,
    i.items_amount,
    a.placed_at,
    a.fulfilled_at,
    a.cancelled_at,
    a.refunded_at,
    a.updated_at,
    a.event_count
from last_event as l
inner join every_event as a using (order_id)
left join events.dim_customers as c using (customer_id)
cross join lateral (
    select
        sum((x ->> 'quantity')::integer) as item_count,
        sum((x ->> 'quantity')::integer * (x #>> '{product,price}')::numeric) as items_amount
    from jsonb_array_elements(l.items) as x
) as i;
create index on events.fct_orders (customer_key);
create index on events.fct_orders (customer_id);
analyze events.fct_orders;

create table events.fct_order_items (
    order_id text not null,
    product_id text not null,
    ordered_at timestamptz not null,
    order_date_key integer not null,
    order_status text not null,
    is_fulfilled boolean not null,
    customer_key bigint references events.dim_customers,
    customer_id text,
    currency text,
    product_name text,
    category text,
    quantity bigint not null,
    unit_price numeric(14, 2) not null,
    line_item_revenue numeric not null,
    primary key (order_id, product_id)
);
insert into events.fct_order_items
select
    o.order_id,
    i.product_id,
    o.ordered_at,
    o.order_date_key,
    o.order_status,
    o.is_fulfilled,
    o.customer_key,
    o.customer_id,
    o.currency,
    i.product_name,
    i.category,
    i.quantity,
    round(i.line_item_revenue / i.quantity, 2),
    i.line_item_revenue
from events.fct_orders as o
cross join lateral (
    select
        x #>> '{product,id}' as product_id,
        max(x #>> '{product,name}') as product_name,
        max(x #>> '{product,category}') as category,
        sum((x ->> 'quantity')::integer) as quantity,
        sum((x ->> 'quantity')::integer * (x #>> '{product,price}')::numeric) as line_item_revenue
    from jsonb_array_elements(o.items) as x
    group by 1
) as i;
create index on events.fct_order_items (customer_key);
create index on events.fct_order_items (customer_id);
analyze events.fct_order_items;

create table events.analytics_orders (
    order_id text primary key,
    ordered_at timestamptz not null,
    order_date date not null,
    order_status text not null,
    is_fulfilled boolean not null,
    customer_id text,
    customer_email text,
    customer_name text,
    customer_country text,
    channel text,
    device text,
    currency text,
    total_amount numeric,
    tax numeric,
    shipping numeric,
    item_count bigint not null,
    items_amount numeric not null,
    placed_at timestamptz,
    fulfilled_at timestamptz,
    cancelled_at timestamptz,
    refunded_at timestamptz
);
insert into events.analytics_orders
select
    o.order_id,
    o.ordered_at,
    (o.ordered_at at time zone 'UTC')::date,
    o.order_status,
    o.is_fulfilled,
    o.customer_id,
    c.email,
    concat_ws(' ', c.first_name, c.last_name),
    c.country,
    o.channel,
    o.device,
    o.currency,
    o.total_amount,
    o.tax,
    o.shipping,
    o.item_count,
    o.items_amount,
    o.placed_at,
    o.fulfilled_at,
    o.cancelled_at,
    o.refunded_at
from events.fct_orders as o
left join events.dim_customers as c using (customer_key);

create table events.analytics_order_items (
    order_id text not null,
    product_id text not null,
    ordered_at timestamptz not null,
    order_date date not null,
    order_status text not null,
    is_fulfilled boolean not null,
    customer_id text,
    customer_country text,
    currency text,
    product_name text,
    category text,
    quantity bigint not null,
    unit_price numeric not null,
    line_item_revenue numeric not null,
    primary key (order_id, product_id)
);
insert into events.analytics_order_items
select
    i.order_id,
    i.product_id,
    i.ordered_at,
    (i.ordered_at at time zone 'UTC')::date,
    i.order_status,
    i.is_fulfilled,
    i.customer_id,
    c.country,
    i.currency,
    i.product_name,
    i.category,
    i.quantity,
    i.unit_price,
    i.line_item_revenue
from events.fct_order_items as i
left join events.dim_customers as c using (customer_key);
create index on events.analytics_order_items (order_date);

create table events.analytics_customer_summary (
    customer_id text primary key,
    orders_placed bigint not null,
    total_orders bigint not null,
    total_spent numeric not null,
    average_order_value numeric,
    first_order_date date,
    last_order_date date,
    items_bought bigint not null,
    favorite_category text,
    frequency text not null,
    monetary text not null,
    customer_segment text not null
);
insert into events.analytics_customer_summary
with bought as (
    select
        o.customer_id,
        count(*) as orders_placed,
        count(*) filter (where o.is_fulfilled) as total_orders,
        coalesce(sum(o.total_amount) filter (where o.is_fulfilled), 0) as total_spent,
        min(o.ordered_at at time zone 'UTC') filter (where o.is_fulfilled)::date as first_order_date,
        max(o.ordered_at at time zone 'UTC') filter (where o.is_fulfilled)::date as last_order_date,
        coalesce(sum(o.item_count) filter (where o.is_fulfilled), 0) as items_bought
    from events.fct_orders as o
    where o.customer_id is not null
    group by o.customer_id
),

favorite as (
    select distinct on (i.customer_id)
        i.customer_id,
        i.category
    from events.fct_order_items as i
    where i.is_fulfilled
    group by i.customer_id, i.category
    order by
        i.customer_id asc,
        sum(i.quantity) desc,
        sum(i.line_item_revenue) desc,
        i.category asc
)

select
    b.customer_id,
    b.orders_placed,
    b.total_orders,
    b.total_spent,
    round(b.total_spent / nullif(b.total_orders, 0), 2),
    b.first_order_date,
    b.last_order_date,
    b.items_bought,
    f.category,
    case when b.total_orders >= 10 then 'high' when b.total_orders >= 5 then 'medium' else 'low' end,
    case when b.total_spent >= 1000 then 'high' when b.total_spent >= 500 then 'medium' else 'low' end,
    case when b.total_orders > 10 then 'VIP' when b.total_orders >= 5 then 'Loyal' else 'New' end
from bought as b
left join favorite as f using (customer_id);
