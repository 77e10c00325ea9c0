-- create_temporary
create temporary table pg_temp."customers.keys" (customer_id bigint, updated_at timestamp with time zone);

-- drop
drop table if exists pg_temp."customers.keys";

-- export_snapshot
select pg_export_snapshot() as snapshot;

-- send
copy (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at
from (select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at from public.stg_dim_customers where _batch_id > 0
union all
select customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at from public.stg_dim_customers_history where _batch_id > 0) as r (customer_id, customer_name, email, phone, city, country, country_code, segment, created_at, updated_at, _batch_id, _seq, _first_batch_id, _extracted_at, _deleted_at)
where
    case
        when coalesce(octet_length(customer_name)::bigint, 0) + coalesce(octet_length(email)::bigint, 0) + coalesce(octet_length(phone)::bigint, 0) + coalesce(octet_length(city)::bigint, 0) + coalesce(octet_length(country)::bigint, 0) + coalesce(octet_length(country_code)::bigint, 0) + coalesce(octet_length(segment)::bigint, 0) <= 33554432 then true
        else (
            'tidemark: ' || (coalesce(octet_length(customer_name)::bigint, 0) + coalesce(octet_length(email)::bigint, 0) + coalesce(octet_length(phone)::bigint, 0) + coalesce(octet_length(city)::bigint, 0) + coalesce(octet_length(country)::bigint, 0) + coalesce(octet_length(country_code)::bigint, 0) + coalesce(octet_length(segment)::bigint, 0)) || ' of 33554432 bytes, in '
            || case greatest(coalesce(octet_length(customer_name)::bigint, 0), coalesce(octet_length(email)::bigint, 0), coalesce(octet_length(phone)::bigint, 0), coalesce(octet_length(city)::bigint, 0), coalesce(octet_length(country)::bigint, 0), coalesce(octet_length(country_code)::bigint, 0), coalesce(octet_length(segment)::bigint, 0)) when coalesce(octet_length(customer_name)::bigint, 0) then 'customer_name' when coalesce(octet_length(email)::bigint, 0) then 'email' when coalesce(octet_length(phone)::bigint, 0) then 'phone' when coalesce(octet_length(city)::bigint, 0) then 'city' when coalesce(octet_length(country)::bigint, 0) then 'country' when coalesce(octet_length(country_code)::bigint, 0) then 'country_code' when coalesce(octet_length(segment)::bigint, 0) then 'segment' end || ' :tidemark'
        )::boolean
    end) to stdout (format binary);
