-- guarded
select customer_id, name, email, phone, city, country, segment, created_at, updated_at
from (select customer_id, name, email, phone, city, country, segment, created_at, updated_at
from public.customers
where updated_at < timestamptz '2025-01-01Z') as r (
    customer_id,
    name,
    email,
    phone,
    city,
    country,
    segment,
    created_at,
    updated_at
)
where
    case
        when 0 + coalesce(octet_length(name)::bigint, 0)
        + coalesce(octet_length(email)::bigint, 0)
        + coalesce(octet_length(phone)::bigint, 0)
        + coalesce(octet_length(city)::bigint, 0)
        + coalesce(octet_length(country)::bigint, 0)
        + coalesce(octet_length(segment)::bigint, 0) <= 33554432 then true
        else (
            'tidemark: ' || (0 + coalesce(octet_length(name)::bigint, 0)
            + coalesce(octet_length(email)::bigint, 0)
            + coalesce(octet_length(phone)::bigint, 0)
            + coalesce(octet_length(city)::bigint, 0)
            + coalesce(octet_length(country)::bigint, 0)
            + coalesce(octet_length(segment)::bigint, 0)) || ' of 33554432 bytes, in '
            || case greatest(
                coalesce(octet_length(name)::bigint, 0),
                coalesce(octet_length(email)::bigint, 0),
                coalesce(octet_length(phone)::bigint, 0),
                coalesce(octet_length(city)::bigint, 0),
                coalesce(octet_length(country)::bigint, 0),
                coalesce(octet_length(segment)::bigint, 0)
            ) when coalesce(octet_length(name)::bigint, 0) then 'name'
            when coalesce(octet_length(email)::bigint, 0) then 'email'
            when coalesce(octet_length(phone)::bigint, 0) then 'phone'
            when coalesce(octet_length(city)::bigint, 0) then 'city'
            when coalesce(octet_length(country)::bigint, 0) then 'country'
            when coalesce(octet_length(segment)::bigint, 0) then 'segment' end || ' :tidemark'
        )::boolean
    end;

-- guarded
select event_id, received_at, id, said, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at
from (select event_id, received_at, id, said, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at
from (
    select
        event_id,
        received_at,
        id,
        said,
        _batch_id,
        _seq,
        _extracted_at,
        _deleted_at,
        row_number() over () as _first_batch_id
    from (select t.event_id, t.received_at, t.id, t.said, t._batch_id, t._seq, t._first_batch_id, t._extracted_at, t._deleted_at
    from public.mrr_keyed as t
    where t._deleted_at is null or t._batch_id > 36) as r
) as v) as r (
    event_id,
    received_at,
    id,
    said,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at
)
where
    case
        when 0 + coalesce(octet_length(event_id)::bigint, 0)
        + case
            when pg_column_size(said) > 131586 then octet_length(said::text)::bigint
            else 0
        end <= 33554432 then true
        else (
            'tidemark: ' || (0 + coalesce(octet_length(event_id)::bigint, 0)
            + case
                when pg_column_size(said) > 131586 then octet_length(said::text)::bigint
                else 0
            end) || ' of 33554432 bytes, in '
            || case greatest(coalesce(octet_length(event_id)::bigint, 0), case
                when pg_column_size(said) > 131586 then octet_length(said::text)::bigint
                else 0
            end) when coalesce(octet_length(event_id)::bigint, 0) then 'event_id'
            when case
                when pg_column_size(said) > 131586 then octet_length(said::text)::bigint
                else 0
            end then 'said' end || ' :tidemark'
        )::boolean
    end;

-- guarded
select id, sizes, updated_at
from (select id, sizes, updated_at
from (
select id, sizes, updated_at from sold.items
) as query
where updated_at < timestamptz '2025-01-01Z') as r (id, sizes, updated_at)
where
    case
        when 0 + case
    when pg_column_size(sizes) > 26317 then octet_length(array_send(sizes))::bigint
    else 0
end <= 33554432 then true
        else (
            'tidemark: ' || (0 + case
    when pg_column_size(sizes) > 26317 then octet_length(array_send(sizes))::bigint
    else 0
end) || ' of 33554432 bytes, in '
            || case greatest(case
                when pg_column_size(sizes) > 26317 then octet_length(array_send(sizes))::bigint
                else 0
            end) when case
    when pg_column_size(sizes) > 26317 then octet_length(array_send(sizes))::bigint
    else 0
end then 'sizes' end || ' :tidemark'
        )::boolean
    end;
