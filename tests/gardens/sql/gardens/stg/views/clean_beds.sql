-- The name of a garden is written in many ways, so that two source rows may be one bed.
create or replace view landing.clean_beds as
select
    nullif(lower(btrim("Garden")), '') as "Garden",
    "Bed N""o",
    "Soil",
    "100% {Shade}",
    "Gardener",
    "Tags",
    "Weeds",
    "Notes",
    "Plan",
    "Changed At",
    _batch_id,
    _seq,
    _first_batch_id,
    _extracted_at,
    _deleted_at,
    array_remove(array[
        case when "100% {Shade}" > 100 then 'more than 100% {shade}' end,
        case when "Gardener" is null then 'nobody''s bed' end
    ], null) as reject_reasons
from landing.beds;
