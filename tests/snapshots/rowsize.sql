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
select tag, part, v, sizes, _effective, _pending
from ((
    select r.tag, r.part, r.v, r.sizes, r._effective, r._pending
    from (
        select
            t.tag::text as tag, t.part::text as part, t.v::text as v, t.sizes::text as sizes,
            (t.at at time zone 'Europe/Berlin')::text as _effective,
            t._batch_id > 14 as _pending
        from public.stg_things as t
        where t._deleted_at is null or t._batch_id > 14
    ) as r
    where left(md5(convert_to(row(r.tag, r.part)::text, 'UTF8')), 3) = any (array['ce4']::text[])
)) as r (tag, part, v, sizes, _effective, _pending)
where
    case
        when 0 + case
            when pg_column_size(tag) > 131586 then octet_length(tag::text)::bigint
            else 0
        end
        + case
            when pg_column_size(part) > 131586 then octet_length(part::text)::bigint
            else 0
        end
        + case
            when pg_column_size(v) > 131586 then octet_length(v::text)::bigint
            else 0
        end
        + case
            when pg_column_size(sizes) > 131586 then octet_length(sizes::text)::bigint
            else 0
        end
        + case
            when pg_column_size(_effective) > 131586 then octet_length(_effective::text)::bigint
            else 0
        end <= 33554432 then true
        else (
            'tidemark: ' || (0 + case
                when pg_column_size(tag) > 131586 then octet_length(tag::text)::bigint
                else 0
            end
            + case
                when pg_column_size(part) > 131586 then octet_length(part::text)::bigint
                else 0
            end
            + case
                when pg_column_size(v) > 131586 then octet_length(v::text)::bigint
                else 0
            end
            + case
                when pg_column_size(sizes) > 131586 then octet_length(sizes::text)::bigint
                else 0
            end
            + case
                when pg_column_size(_effective) > 131586 then octet_length(_effective::text)::bigint
                else 0
            end) || ' of 33554432 bytes, in '
            || case greatest(case
    when pg_column_size(tag) > 131586 then octet_length(tag::text)::bigint
    else 0
end, case
    when pg_column_size(part) > 131586 then octet_length(part::text)::bigint
    else 0
end, case
    when pg_column_size(v) > 131586 then octet_length(v::text)::bigint
    else 0
end, case
    when pg_column_size(sizes) > 131586 then octet_length(sizes::text)::bigint
    else 0
end, case
    when pg_column_size(_effective) > 131586 then octet_length(_effective::text)::bigint
    else 0
end) when case
    when pg_column_size(tag) > 131586 then octet_length(tag::text)::bigint
    else 0
end then 'tag'
when case
    when pg_column_size(part) > 131586 then octet_length(part::text)::bigint
    else 0
end then 'part'
when case
    when pg_column_size(v) > 131586 then octet_length(v::text)::bigint
    else 0
end then 'v'
when case
    when pg_column_size(sizes) > 131586 then octet_length(sizes::text)::bigint
    else 0
end then 'sizes'
when case
    when pg_column_size(_effective) > 131586 then octet_length(_effective::text)::bigint
    else 0
end then '_effective' end || ' :tidemark'
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
