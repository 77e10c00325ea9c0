-- What an asset was after each of its events, in event time: the last upload says what it is, and
-- the last purchase or transfer whose it is. So it is nobody's until then; and it has no name, if
-- it was bought before it was uploaded.
create or replace view landing_assets.derive_asset_versions as
with counted as (
    select
        t.s3_key,
        t.transaction_timestamp,
        t.event_id,
        t.transaction_type,
        t.asset_name,
        t.asset_type_name,
        t.graph_role,
        t.user_nk,
        count(*) filter (where t.transaction_type = 'UPLOAD') over by_then as uploads,
        count(t.user_nk) over by_then as owners
    from landing_assets.live_transactions as t
    window by_then as (
        partition by t.s3_key order by t.transaction_timestamp asc, t.event_id asc
    )
)

-- Up to the next upload each row has the same number of uploads, and one of them is the upload.
select
    c.s3_key,
    c.transaction_timestamp,
    c.event_id,
    max(c.asset_name) over (partition by c.s3_key, c.uploads) as asset_name,
    max(c.asset_type_name) over (partition by c.s3_key, c.uploads) as asset_type_name,
    max(c.graph_role) over (partition by c.s3_key, c.uploads) as graph_role,
    max(c.transaction_timestamp) filter (where c.transaction_type = 'UPLOAD')
        over (partition by c.s3_key, c.uploads) as upload_timestamp,
    max(c.user_nk) over (partition by c.s3_key, c.owners) as owner_user_nk
from counted as c;

comment on view landing_assets.derive_asset_versions is
'One row per event of an asset: what the asset was after it, and whose.';
