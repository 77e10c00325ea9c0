MODEL (
    name sqlmesh_peer.customers,
    kind SCD_TYPE_2_BY_TIME (
        unique_key customer_id
    ),
    cron '@daily',
);

SELECT
    customer_id::bigint,
    name::text,
    email::text,
    phone::text,
    city::text,
    country::text,
    segment::text,
    created_at::timestamptz,
    updated_at::timestamptz
FROM public.customers
