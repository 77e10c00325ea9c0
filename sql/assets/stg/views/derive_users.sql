-- A user has no history. So that it stays one member, whichever of its events comes first, it is
-- known from the same time on.
create or replace view landing_assets.derive_users as
select distinct
    t.user_nk,
    timestamptz '1970-01-01 00:00:00+00' as known_from
from landing_assets.live_transactions as t
where t.user_nk is not null;

comment on view landing_assets.derive_users is
'One row per user who has got an asset.';
