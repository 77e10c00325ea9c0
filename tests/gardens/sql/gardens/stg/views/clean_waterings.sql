create or replace view landing.clean_waterings as
select
    "Id",
    lower(btrim("Garden")) as "Garden",
    "Bed N""o",
    "Litres",
    "At",
    ("At" at time zone 'UTC')::date as day,
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    '{}'::text[] as reject_reasons
from landing.waterings;
