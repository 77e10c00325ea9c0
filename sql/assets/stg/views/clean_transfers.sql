create or replace view landing_assets.clean_transfers as
select
    t.event_id,
    t.s3_key,
    tidemark.clean_text(t.user_nk) as user_nk,
    t.transaction_timestamp,
    t._batch_id,
    t._seq,
    t._first_batch_id,
    t._extracted_at,
    t._deleted_at,
    array_remove(
        array[
            assets.wrong_key(t.s3_key),
            assets.wrong_name('user_nk', t.user_nk),
            assets.wrong_time('transaction_timestamp', t.transaction_timestamp, t.received_at)
        ],
        null
    ) as reject_reasons
from landing_assets.transfers as t;

comment on view landing_assets.clean_transfers is
'One row per version of a transfer in landing_assets.transfers: the columns of STG and every reason
to refuse it.';
