create or replace view landing_assets.derive_transactions as
select
    u.event_id,
    'UPLOAD' as transaction_type,
    u.upload_timestamp as transaction_timestamp,
    u.s3_key,
    null::text as user_nk,
    null::numeric(38, 0) as credits_spent,
    u.asset_name,
    u.asset_type_name,
    u.graph_role
from landing_assets.live_uploads as u
union all
select
    p.event_id,
    'PURCHASE' as transaction_type,
    p.transaction_timestamp,
    p.s3_key,
    p.user_nk,
    p.credits_spent,
    null as asset_name,
    null as asset_type_name,
    null as graph_role
from landing_assets.live_purchases as p
union all
select
    t.event_id,
    'TRANSFER' as transaction_type,
    t.transaction_timestamp,
    t.s3_key,
    t.user_nk,
    null::numeric(38, 0) as credits_spent,
    null as asset_name,
    null as asset_type_name,
    null as graph_role
from landing_assets.live_transfers as t;

comment on view landing_assets.derive_transactions is
'One row per event of an asset, of all kinds: who gets it, and for how much; or what it is.';
