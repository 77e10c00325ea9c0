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
select item, key, row_data, reasons, batch_id, refused_at, ended_at
from (select
    r.item,
    case
        when r.item <> '' and r.line is not null and octet_length(r.item) <= 1000
            then jsonb_build_object('_file', r.item, '_line', r.line)
        when r.line is null and octet_length(r.row_key::text) <= 1000 then r.row_key
        else jsonb_strip_nulls(jsonb_build_object('_row', md5(r.row_text), '_line', r.line))
    end as key,
    case
        when r.item = '' and length(r.row_text) <= 100000 and pg_input_is_valid(r.row_text, 'jsonb')
            then r.row_text::jsonb
        else jsonb_build_object('row_text', left(r.row_text, 100000))
    end as row_data,
    r.reasons,
    r.batch_id,
    r.refused_at,
    case when r.ended_by <= 2 then r.ended_at end as ended_at
from tidemark.refused as r
where
    r.area = 'retail'
    and r.entity = 'customers'
    and (r.batch_id > 0 or r.ended_by > 0)
    and r.batch_id <= 2) as r (item, key, row_data, reasons, batch_id, refused_at, ended_at)
where
    case
        when 0 + coalesce(octet_length(item)::bigint, 0)
        + case
            when pg_column_size(key) > 131586 then octet_length(key::text)::bigint
            else 0
        end
        + case
            when pg_column_size(row_data) > 131586 then octet_length(row_data::text)::bigint
            else 0
        end
        + case
            when pg_column_size(reasons) > 26317 then octet_length(array_send(reasons))::bigint
            else 0
        end <= 33554432 then true
        else (
            'tidemark: ' || (0 + coalesce(octet_length(item)::bigint, 0)
            + case
                when pg_column_size(key) > 131586 then octet_length(key::text)::bigint
                else 0
            end
            + case
                when pg_column_size(row_data) > 131586 then octet_length(row_data::text)::bigint
                else 0
            end
            + case
                when pg_column_size(reasons) > 26317 then octet_length(array_send(reasons))::bigint
                else 0
            end) || ' of 33554432 bytes, in '
            || case greatest(coalesce(octet_length(item)::bigint, 0), case
                when pg_column_size(key) > 131586 then octet_length(key::text)::bigint
                else 0
            end,
            case
                when pg_column_size(row_data) > 131586 then octet_length(row_data::text)::bigint
                else 0
            end,
            case
                when pg_column_size(reasons) > 26317 then octet_length(array_send(reasons))::bigint
                else 0
            end) when coalesce(octet_length(item)::bigint, 0) then 'item'
            when case
                when pg_column_size(key) > 131586 then octet_length(key::text)::bigint
                else 0
            end then 'key'
            when case
                when pg_column_size(row_data) > 131586 then octet_length(row_data::text)::bigint
                else 0
            end then 'row_data'
            when case
                when pg_column_size(reasons) > 26317 then octet_length(array_send(reasons))::bigint
                else 0
            end then 'reasons' end || ' :tidemark'
        )::boolean
    end;
