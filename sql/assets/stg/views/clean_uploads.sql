create or replace view landing_assets.clean_uploads as
select
    u.event_id,
    u.s3_key,
    tidemark.clean_text(u.asset_name) as asset_name,
    tidemark.clean_text(u.asset_type_name) as asset_type_name,
    u.upload_timestamp,
    tidemark.clean_text(u.graph_role) as graph_role,
    u._batch_id,
    u._seq,
    u._first_batch_id,
    u._extracted_at,
    u._deleted_at,
    array_remove(
        array[
            assets.wrong_key(u.s3_key),
            assets.wrong_name('asset_name', u.asset_name),
            assets.wrong_name('asset_type_name', u.asset_type_name),
            assets.wrong_time('upload_timestamp', u.upload_timestamp, u.received_at),
            case
                when length(u.graph_role) > 200 then 'graph_role has more than 200 characters'
            end
        ],
        null
    ) as reject_reasons
from landing_assets.uploads as u;

comment on view landing_assets.clean_uploads is
'One row per version of an upload in landing_assets.uploads: the columns of STG and every reason to
refuse it. The key of S3 is kept as it is, with its blanks.';
