-- A type has no history. So that it stays one member, whichever of its uploads comes first, it is
-- known from the same time on.
create or replace view landing_assets.derive_asset_types as
select distinct
    t.asset_type_name,
    timestamptz '1970-01-01 00:00:00+00' as known_from
from landing_assets.live_transactions as t
where t.asset_type_name is not null;

comment on view landing_assets.derive_asset_types is
'One row per type of assets that an upload names.';
