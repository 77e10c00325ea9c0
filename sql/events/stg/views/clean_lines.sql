-- Lines in two steps. The first is a security barrier so that each of its columns is computed once,
-- as in retail's clean_customers.sql. For the same reason its values are taken out of the document
-- behind an `offset`: cleaning reads each of them more than once.

drop view if exists landing_events.clean_lines, landing_events.lines_typed;

create view landing_events.lines_typed with (security_barrier) as
select
    d._file,
    d._line,
    jsonb_typeof(d.document) as kind,
    tidemark.clean_text(d.event_id) as event_id,
    tidemark.clean_text(d.session_id) as session_id,
    d.event_timestamp as time_text,
    -- A time without a zone is one of UTC.
    case
        when
            d.event_timestamp ~ '^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}'
            and pg_input_is_valid(d.event_timestamp, 'timestamptz')
            then d.event_timestamp::timestamptz
    end as event_timestamp,
    lower(tidemark.clean_text(d.event_type)) as event_type,
    jsonb_typeof(d.customer) as customer_kind,
    tidemark.clean_text(d.customer_id) as customer_id,
    tidemark.clean_text(d.email) as email,
    tidemark.clean_text(d.first_name) as first_name,
    tidemark.clean_text(d.last_name) as last_name,
    tidemark.clean_text(d.country) as country,
    jsonb_typeof(d.order_) as order_kind,
    tidemark.clean_text(d.order_id) as order_id,
    lower(tidemark.clean_text(d.status)) as order_status,
    upper(tidemark.clean_text(d.currency)) as currency,
    d.total_amount as total_text,
    tidemark.try_money(d.total_amount) as total_amount,
    d.tax as tax_text,
    tidemark.try_money(d.tax) as tax,
    d.shipping as shipping_text,
    tidemark.try_money(d.shipping) as shipping,
    jsonb_typeof(d.items) as items_kind,
    case when jsonb_typeof(d.items) = 'array' then d.items end as items,
    jsonb_typeof(d.session_) as session_kind,
    tidemark.clean_text(d.channel) as channel,
    tidemark.clean_text(d.device) as device,
    d._batch_id,
    d._seq,
    d._first_batch_id,
    d._extracted_at,
    d._deleted_at
from (
    select
        o._file,
        o._line,
        o.document,
        o.document ->> 'event_id' as event_id,
        o.document ->> 'session_id' as session_id,
        o.document ->> 'event_timestamp' as event_timestamp,
        o.document ->> 'event_type' as event_type,
        o.customer,
        o.customer ->> 'customer_id' as customer_id,
        lower(o.customer ->> 'email') as email,
        o.customer ->> 'first_name' as first_name,
        o.customer ->> 'last_name' as last_name,
        o.customer ->> 'country' as country,
        o.order_,
        o.order_ ->> 'order_id' as order_id,
        o.order_ ->> 'status' as status,
        o.order_ ->> 'currency' as currency,
        o.order_ ->> 'total_amount' as total_amount,
        o.order_ ->> 'tax' as tax,
        o.order_ ->> 'shipping' as shipping,
        o.order_ -> 'items' as items,
        o.session_,
        o.session_ ->> 'channel' as channel,
        o.session_ ->> 'device' as device,
        o._batch_id,
        o._seq,
        o._first_batch_id,
        o._extracted_at,
        o._deleted_at
    from (
        select
            l._file,
            l._line,
            l.document,
            l.document -> 'customer' as customer,
            l.document -> 'order' as order_,
            l.document -> 'session' as session_,
            l._batch_id,
            l._seq,
            l._first_batch_id,
            l._extracted_at,
            l._deleted_at
        from landing_events.lines as l
        limit all offset 0 -- noqa: AM09
    ) as o
    limit all offset 0 -- noqa: AM09
) as d;

comment on view landing_events.lines_typed is
'One row per version of a line in landing_events.lines: what it says, with its types.';

create view landing_events.clean_lines as
select
    e._file,
    e._line,
    e.event_id,
    e.session_id,
    e.event_timestamp,
    e.event_type,
    e.customer_id,
    e.email,
    e.first_name,
    e.last_name,
    e.country,
    e.order_id,
    -- An event such as order_placed says its state by its type, where the order does not.
    coalesce(e.order_status, substring(e.event_type from '^order_(.+)')) as order_status,
    e.currency,
    e.total_amount::numeric(14, 2) as total_amount,
    e.tax::numeric(14, 2) as tax,
    e.shipping::numeric(14, 2) as shipping,
    e.items,
    e.channel,
    e.device,
    e._batch_id,
    e._seq,
    e._first_batch_id,
    e._extracted_at,
    e._deleted_at,
    array_remove(
        array[
            case when e.kind is distinct from 'object' then 'the line is no object' end,
            case when e.event_id is null then 'event_id is missing' end,
            case
                -- An index takes no more, and one such event would stop all others.
                when
                    greatest(
                        length(e.event_id),
                        length(e.session_id),
                        length(e.customer_id),
                        length(e.order_id)
                    ) > 200
                    then 'an id has more than 200 characters'
            end,
            case when e.event_type is null then 'event_type is missing' end,
            case
                when e.time_text is null then 'event_timestamp is missing'
                when e.event_timestamp is null then 'event_timestamp is not a time'
                when e.event_timestamp < '1970-01-01 00:00+00'
                    then 'event_timestamp is before 1970'
                -- Clocks differ by some minutes, and not by more.
                when e.event_timestamp > e._extracted_at + interval '5 minutes'
                    then 'event_timestamp is in the future'
            end,
            case when e.customer_kind not in ('object', 'null') then 'customer is no object' end,
            case when e.session_kind not in ('object', 'null') then 'session is no object' end,
            case
                when e.order_kind not in ('object', 'null') then 'order is no object'
                when
                    e.order_id is null
                    and (e.order_kind = 'object' or e.event_type ~ '^order_')
                    then 'order_id is missing'
            end,
            case
                when e.total_text is not null and e.total_amount is null
                    then 'total_amount is not an amount'
                when e.total_amount < 0 then 'total_amount is negative'
            end,
            case
                when e.tax_text is not null and e.tax is null then 'tax is not an amount'
                when e.tax < 0 then 'tax is negative'
            end,
            case
                when e.shipping_text is not null and e.shipping is null
                    then 'shipping is not an amount'
                when e.shipping < 0 then 'shipping is negative'
            end,
            case when e.items_kind not in ('array', 'null') then 'items is no list' end
        ]
        -- A query in its place: a call of a function for each order takes twice as long.
        || case
            when e.items is not null
                then (
                    select
                        array[
                            case
                                when bool_or(coalesce(i.price, -1) < 0)
                                    then 'a price is not an amount'
                            end,
                            case when bool_or(i.product_id is null) then 'a product has no id' end,
                            case
                                when bool_or(coalesce(i.quantity, 0) <= 0)
                                    then 'a quantity is not a positive whole number'
                            end,
                            case
                                when bool_or(i.product_id is not null and i.length > 200)
                                    then 'the id of a product has more than 200 characters'
                            end
                        ]
                    from (
                        select
                            tidemark.clean_text(x.value #>> '{product,id}') as product_id,
                            length(x.value #>> '{product,id}') as length,
                            tidemark.try_money(x.value #>> '{product,price}') as price,
                            tidemark.try_integer(x.value ->> 'quantity') as quantity
                        from jsonb_array_elements(e.items) as x -- noqa: RF03
                        limit all offset 0 -- noqa: AM09
                    ) as i
                )
        end,
        null
    ) as reject_reasons
from landing_events.lines_typed as e;

comment on view landing_events.clean_lines is
'One row per version of a line in landing_events.lines: the columns of STG and every reason to
refuse it.';
