create or replace view landing_assets.clean_purchases as
select
    p.event_id,
    p.s3_key,
    tidemark.clean_text(p.user_nk) as user_nk,
    p.credits_spent,
    p.transaction_timestamp,
    p._batch_id,
    p._seq,
    p._first_batch_id,
    p._extracted_at,
    p._deleted_at,
    array_remove(
        array[
            assets.wrong_key(p.s3_key),
            assets.wrong_name('user_nk', p.user_nk),
            case
                when p.credits_spent is null then 'credits_spent is missing'
                when p.credits_spent = 'NaN' then 'credits_spent is no number'
                when p.credits_spent < 0 then 'credits_spent is negative'
            end,
            assets.wrong_time('transaction_timestamp', p.transaction_timestamp, p.received_at)
        ],
        null
    ) as reject_reasons
from landing_assets.purchases as p;

comment on view landing_assets.clean_purchases is
'One row per version of a purchase in landing_assets.purchases: the columns of STG and every reason
to refuse it.';
