-- One asset as the service shows it: what it was and whose at an instant (null: now), all owners it
-- has had, and its last 100 transactions, the latest first. The parameters are called as the
-- service's address calls them.
--
-- reads    assets.dim_assets_versions, assets.fct_asset_transactions
-- returns  null for an asset that is not known, or that was not there at the instant
-- repeat   safe
create or replace function assets.fn_asset(s3_key text, at timestamptz default null)
returns jsonb
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select
            jsonb_build_object(
                's3_key', v.s3_key,
                'asset_name', v.asset_name,
                'asset_type_name', v.asset_type_name,
                'graph_role', v.graph_role,
                'upload_timestamp', v.upload_timestamp,
                'owner', v.owner_user_nk,
                'at', fn_asset.at,
                'history', (
                    select
                        jsonb_agg(
                            jsonb_build_object(
                                'owner', o.owner_user_nk,
                                'valid_from', o.valid_from,
                                'valid_to', o.valid_to
                            )
                            order by o.valid_from
                        )
                    from assets.fn_owners(v.s3_key) as o
                ),
                'transactions', (
                    select
                        jsonb_agg(
                            jsonb_build_object(
                                'event_id', t.event_id,
                                'transaction_type', t.transaction_type,
                                'transaction_timestamp', t.transaction_timestamp,
                                'user_nk', t.user_nk,
                                'credits_spent', t.credits_spent
                            )
                            order by t.transaction_timestamp desc, t.event_id desc
                        )
                    from (
                        select
                            f.event_id,
                            f.transaction_type,
                            f.transaction_timestamp,
                            f.user_nk,
                            f.credits_spent
                        from assets.fct_asset_transactions as f
                        where f.s3_key = v.s3_key
                        order by f.transaction_timestamp desc, f.event_id desc
                        limit 100
                    ) as t
                )
            )
        from assets.dim_assets_versions as v
        where
            v.s3_key = fn_asset.s3_key
            and (v.is_current or fn_asset.at is not null)
            and (fn_asset.at is null or (v.valid_from <= fn_asset.at and v.valid_to > fn_asset.at))
    );
end;
$$;

-- Who owned an asset at an instant (null: now).
--
-- reads    assets.dim_assets_versions
-- returns  null for an asset that nobody had got by then, or that is not known
-- repeat   safe
create or replace function assets.fn_owner_at(p_s3_key text, p_at timestamptz default null)
returns text
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select v.owner_user_nk
        from assets.dim_assets_versions as v
        where
            v.s3_key = p_s3_key
            and (v.is_current or p_at is not null)
            and (p_at is null or (v.valid_from <= p_at and v.valid_to > p_at))
    );
end;
$$;

-- The owners of an asset, one after the other. A new upload does not change the owner.
--
-- reads    assets.dim_assets_versions
-- returns  a row for each span with one owner, in order, over [valid_from, valid_to); owner null:
--          nobody had got it yet; valid_to null: until now. No row for an asset that is not known
-- repeat   safe
create or replace function assets.fn_owners(p_s3_key text)
returns table (owner_user_nk text, valid_from timestamptz, valid_to timestamptz)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with compared as (
        select
            v.owner_user_nk,
            v.valid_from,
            lag(v.owner_user_nk) over in_time is distinct from v.owner_user_nk
            or lag(v.valid_from) over in_time is null as is_new
        from assets.dim_assets_versions as v
        where v.s3_key = p_s3_key
        window in_time as (order by v.valid_from asc)
    )

    select
        c.owner_user_nk,
        c.valid_from,
        lead(c.valid_from) over (order by c.valid_from asc)
    from compared as c
    where c.is_new
    order by c.valid_from;
end;
$$;
