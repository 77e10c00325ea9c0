-- What others are made of is looked up by asset, and by the first event of a type and of a user.
-- All other tables here are made by Tidemark.

create table assets.stg_asset_transactions (
    event_id text not null,
    transaction_type text not null,
    transaction_timestamp timestamptz not null,
    s3_key text not null,
    user_nk text,
    credits_spent numeric(38, 0),
    asset_name text,
    asset_type_name text,
    graph_role text
);

comment on table assets.stg_asset_transactions is
'One row per event of an asset: UPLOAD, PURCHASE or TRANSFER.';
select tidemark.create_mirror('assets.stg_asset_transactions', array['event_id']);
create index stg_asset_transactions_s3_key_idx
on assets.stg_asset_transactions (s3_key, transaction_timestamp);
create index stg_asset_transactions_user_nk_idx
on assets.stg_asset_transactions (user_nk, transaction_timestamp);
create index stg_asset_transactions_asset_type_name_idx
on assets.stg_asset_transactions (asset_type_name, transaction_timestamp);
