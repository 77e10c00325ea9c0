{{ config(
    unique_key="event_id",
    incremental_strategy="merge",
    indexes=[
        {"columns": ["event_id"], "unique": true},
        {"columns": ["session_id"]},
        {"columns": ["customer_id"]},
        {"columns": ["order_id"]},
        {"columns": ["loaded_at"]},
    ],
) }}

with typed as (
    select
        r.event_id,
        r.event_data as event,
        to_timestamp(r._dlt_load_id::numeric) as loaded_at,
        case
            -- 'yesterday' is a time, too.
            when
                r.event_timestamp ~ '^[0-9]'
                and pg_input_is_valid(r.event_timestamp, 'timestamptz')
                then r.event_timestamp::timestamptz
        end as event_timestamp
    from raw.raw_events as r
    {% if is_incremental() and var("look_back") == "days" %}
        -- Such texts are in the order of their times.
        where r.event_timestamp >= (
            select to_char(max(t.event_timestamp) - interval '3 days', 'YYYY-MM-DD')
            from {{ this }} as t
        )
    {% elif is_incremental() %}
        where to_timestamp(r._dlt_load_id::numeric) > (select max(t.loaded_at) from {{ this }} as t)
    {% endif %}
)

select
    t.event_id,
    t.loaded_at,
    t.event ->> 'session_id' as session_id,
    t.event_timestamp,
    t.event ->> 'event_type' as event_type,
    t.event #>> '{customer,customer_id}' as customer_id,
    lower(t.event #>> '{customer,email}') as email,
    t.event #>> '{customer,first_name}' as first_name,
    t.event #>> '{customer,last_name}' as last_name,
    t.event #>> '{customer,country}' as country,
    t.event #>> '{order,order_id}' as order_id,
    t.event #>> '{order,status}' as order_status,
    t.event #>> '{order,currency}' as currency,
    (t.event #>> '{order,total_amount}')::numeric(14, 2) as total_amount,
    (t.event #>> '{order,tax}')::numeric(14, 2) as tax,
    (t.event #>> '{order,shipping}')::numeric(14, 2) as shipping,
    t.event #> '{order,items}' as items,
    t.event #>> '{session,channel}' as channel,
    t.event #>> '{session,device}' as device
from typed as t
where
    t.event_timestamp < now()
    and (
        t.event -> 'order' is null
        or (
            pg_input_is_valid(t.event #>> '{order,total_amount}', 'numeric')
            and not t.event
                @? '$.order.items[*] ? (!(@.quantity > 0 && @.product.price >= 0))'
        )
    )
