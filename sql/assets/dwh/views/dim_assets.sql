create or replace view assets.dim_assets as
select
    v.asset_sk,
    v.s3_key,
    v.asset_name,
    t.asset_type_sk,
    v.upload_timestamp,
    u.user_sk as current_owner_user_sk,
    v.graph_role
from assets.dim_assets_versions as v
left join assets.dim_asset_types as t on v.asset_type_name = t.asset_type_name and t.is_current
left join assets.dim_users as u on v.owner_user_nk = u.user_nk and u.is_current
where v.is_current and v.asset_sk <> 0;

comment on view assets.dim_assets is
'One row per asset as it is now. current_owner_user_sk is null until somebody has got it. asset_sk
is the key of its latest version: facts of other times have those of other versions, and the same
s3_key.';
