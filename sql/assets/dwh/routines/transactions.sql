-- What each user spent on each day between two dates (UTC, inclusive; null: open). A day is that of
-- the purchase, not of its arrival.
--
-- reads    assets.fct_asset_transactions
-- returns  a row for each user and day with purchases, by day, most credits first
-- repeat   safe
create or replace function assets.fn_credits_by_user_and_day(
    p_start date default null, p_end date default null
)
returns table (day date, user_nk text, purchases bigint, credits_spent numeric)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start::timestamp at time zone 'UTC', '-infinity');
    v_to constant timestamptz := coalesce((p_end + 1)::timestamp at time zone 'UTC', 'infinity');
begin
    return query
    select
        (f.transaction_timestamp at time zone 'UTC')::date as day,
        f.user_nk,
        count(*),
        sum(f.credits_spent)
    from assets.fct_asset_transactions as f
    where
        f.transaction_type = 'PURCHASE'
        and f.transaction_timestamp >= v_from
        and f.transaction_timestamp < v_to
    group by 1, 2
    order by 1, sum(f.credits_spent) desc, 2;
end;
$$;

-- What happened to assets of each type and role between two dates (UTC, inclusive; null: open).
-- Type and role are those of the asset at the time of the event.
--
-- reads    assets.fct_asset_transactions, assets.dim_assets_versions
-- returns  a row for each type, role and kind of transaction, in their order; type null: the asset
--          was not uploaded yet; role null: its upload names none
-- repeat   safe
create or replace function assets.fn_transactions_by_type_and_role(
    p_start date default null, p_end date default null
)
returns table (
    asset_type_name text,
    graph_role text,
    transaction_type text,
    transactions bigint,
    assets bigint,
    credits_spent numeric
)
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from constant timestamptz := coalesce(p_start::timestamp at time zone 'UTC', '-infinity');
    v_to constant timestamptz := coalesce((p_end + 1)::timestamp at time zone 'UTC', 'infinity');
begin
    return query
    select
        v.asset_type_name,
        v.graph_role,
        f.transaction_type,
        count(*),
        count(distinct f.s3_key),
        sum(f.credits_spent)
    from assets.fct_asset_transactions as f
    inner join assets.dim_assets_versions as v on f.asset_sk = v.asset_sk
    where f.transaction_timestamp >= v_from and f.transaction_timestamp < v_to
    group by 1, 2, 3
    order by 1, 2, 3;
end;
$$;
